// Redis session: what a client that speaks the Redis dialect has besides its session.
#pragma once

#include "daemon/policy/policy.h"
#include "daemon/request/session.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/redis/row.h"

enum { REDIS_LONGEST_WORD = 32, REDIS_LONGEST_CLIENT_NAME = 256 };

#define REDIS_BAD_CLIENT_NAME                                                                      \
    "Client names cannot contain spaces, newlines or special characters, and have at most 256 "    \
    "characters."

#define REDIS_NO_LISTENER "this listener is not in the configuration any more: connect again"

struct multi; // the client's MULTI (multi.h)
struct namespace;

struct redis_session {
    struct namespace *bound; // every key is in this one; NULL: its prefix says in which
    int64_t database;        // that SELECT named
    bool is_unmapped;        // the last SELECT failed, so no key is in any namespace
    // The last command, the word by which the client named it, as it spelled it, and the namespace
    // of the last key that was in `bound` or began with its prefix: most clients name the same ones
    // many times. NULL: none yet, or the settings or the identity have changed since.
    const struct redis_command *last_command;
    struct namespace *last_namespace;
    char last_word[REDIS_LONGEST_WORD];
    size_t last_len;
    struct multi *multi;                  // NULL: the client has said no MULTI
    char *library_name, *library_version; // as CLIENT SETINFO says; NULL: none
};

// Frees the memory that it holds, but for `multi`.
void redis_session_deinit(struct redis_session *s);

// Finds the mapping for the session again: to be called when the settings or the identity have
// changed.
void redis_session_map(struct session *session);

// Returns the maxmemory-policy of the server of the session's namespace, or of the first that its
// keys may be in.
const char *redis_session_eviction(const struct session *session);

// SELECT: binds the session to that database's namespace. Returns false when there is none; then no
// key is in any namespace, until a SELECT succeeds: some clients go on as if nothing had been.
bool redis_session_select(struct session *session, int64_t database);
