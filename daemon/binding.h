// Binding: ties settings to living parts: listeners, backends, counters and callers. Both the first
// start and each reload go through here.
#pragma once

#include "problems.h"
#include "settings.h"

struct policy;
struct server;

// Puts the settings in force, wholly or not at all; takes them over. What did not change lives on:
// a listener at the same address, a backend with the same options, a namespace's counters by its
// name. Requests in flight end under the settings they began with, whose backends end with the
// last of them. False: nothing has changed, and *problems says why.
bool binding_apply(struct server *server, struct settings *settings, struct problems *problems);

// Puts the settings in force at another worker than the first, whose policy is `leader`.
void binding_follow(struct server *server, const struct policy *leader);
