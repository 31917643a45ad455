// Listeners: all listeners of the daemon. They change together, or not at all.
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
    bool is_accepting; // a listener that is opened accepts clients at once
};

void listeners_init(struct listeners *all, struct loop *loop,
                    void (*on_client)(void *owner, struct listener *l), void *owner);

// Puts real addresses into the settings that the configuration cannot name: those of the built-in
// default, and those of the sockets that systemd passes. Returns false when that fails: *problems
// says why.
bool listeners_resolve(struct settings *settings, struct problems *problems)
    __attribute__((warn_unused_result));

// Opens the listeners that the settings name, closes the others, and gives each socket file its
// mode and group. A listener whose address stays is kept. `before` are the options in force, NULL
// when there are none. Returns false when nothing has changed: *problems says why.
bool listeners_change(struct listeners *all, const struct settings *settings,
                      const struct daemon_conf *before, struct problems *problems)
    __attribute__((warn_unused_result));

// Lets all listeners accept clients. Returns false when one of them can't: *error says why.
bool listeners_start(struct listeners *all, struct bytes *error)
    __attribute__((warn_unused_result));

// Closes all listeners. May be called again.
void listeners_close(struct listeners *all);
