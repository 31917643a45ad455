// Listeners: all of the daemon's. They change together, or not at all.
#pragma once

#include "conf/problems.h"
#include "conf/sections.h"
#include "conf/settings.h"
#include "daemon/front/listener.h"
#include "daemon/loop/loop.h"
#include "protocol/bytes.h"

struct listeners {
    struct loop *loop;
    void (*on_client)(void *owner, struct listener *l); // as listener.h
    void *owner;
    struct listener **items;
    size_t count;
    bool is_accepting; // one that is opened accepts clients at once
};

void listeners_init(struct listeners *all, struct loop *loop,
                    void (*on_client)(void *owner, struct listener *l), void *owner);

// Puts real addresses in the place of what the file can't say: those of the built-in default, and
// of the sockets that systemd passes. Returns false when that can't be: *problems says why.
bool listeners_resolve(struct settings *settings, struct problems *problems)
    __attribute__((warn_unused_result));

// Opens those that the settings name, closes the others, and gives each socket file its mode and
// group; one at the same address lives on. `before`: the options in force, NULL when there are
// none. Returns false when nothing has changed: *problems says why.
bool listeners_change(struct listeners *all, const struct settings *settings,
                      const struct daemon_conf *before, struct problems *problems)
    __attribute__((warn_unused_result));

// All accept clients from now on. Returns false when one can't: *error says why.
bool listeners_start(struct listeners *all, struct bytes *error)
    __attribute__((warn_unused_result));

// Closes all. Nothing when that was done.
void listeners_close(struct listeners *all);
