// Section: the section [listener NAME] that a client has come through, in the settings in force.
// [cachesd] has listeners, too, which belong to no such section.
#pragma once

#include <stdbool.h>

struct dialect;
struct listener_conf;
struct session;

// Returns the dialect that clients of the section speak. `conf` NULL: of [cachesd].
const struct dialect *section_dialect(const struct listener_conf *conf);

// Gives a new session the dialect, and what belongs to it. `name` is that of the section, NULL:
// [cachesd].
void section_enter(struct session *session, const struct dialect *dialect, const char *name);

// Frees what section_enter() made, but for what session_deinit() frees.
void section_leave(struct session *session);

// To be called when the session's identity has changed.
void section_identified(struct session *session);

// Finds the session's mapping under the policy in force. Returns false when the session's section
// is gone, or speaks another dialect now: then the client must end.
bool section_find(struct session *session) __attribute__((warn_unused_result));
