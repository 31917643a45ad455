// Caller: who asks over a connection, and what the [user] sections let them do.
#pragma once

#include <sys/types.h>

#include "refusal.h"
#include "settings.h"
#include "verb_table.h"

struct space;

struct caller {
    // The caller's last words, which it may say again: most say the same many times. NULL: nothing
    // yet, or something has changed since.
    const struct verb_entry *last_entry;
    struct space *last_space;
    bool is_local; // a Unix socket, or loopback
    bool has_peer; // the system vouches for uid and groups: a Unix socket
    pid_t pid;
    uid_t uid;
    gid_t *groups; // the peer's own and supplementary ones
    size_t group_count;
    char *name;                           // authenticated as that user; NULL: not
    const struct user_conf *user;         // in the settings in force; NULL: none matches
    unsigned char token[TOKEN_HASH_SIZE]; // the hash that it authenticated with
    bool is_trusted;                      // there are no [user] sections, and it is local
};

// Asks the system who is at the other end of the Unix socket `fd`.
void caller_init_peer(struct caller *c, int fd);
void caller_deinit(struct caller *c);

// Finds the caller among the users of the settings now in force.
void caller_identify(struct caller *c, const struct settings *settings);

// True: from now on it is that user.
bool caller_authenticate(struct caller *c, const struct settings *settings, struct slice name,
                         struct slice token);

// Takes that back: it is who it was when it connected.
void caller_forget(struct caller *c, const struct settings *settings);

// May it say the verb at all? False with a refusal. `verb` NULL: one that does not exist.
bool caller_may_say(const struct caller *c, const struct verb *verb, struct refusal *refusal);
// Is it known who it is, or is everybody trusted?
static inline bool caller_is_known(const struct caller *c) { return c->is_trusted || c->user; }
// May it say verbs that write?
bool caller_may_write(const struct caller *c);
// May it use that namespace (by its index in the settings)?
bool caller_may_use(const struct caller *c, size_t namespace_index);
// Does it see what the others do: their connections, all backends?
bool caller_is_admin(const struct caller *c);
// Does it see namespaces only by their own names?
bool caller_is_limited(const struct caller *c);

// "web (write)", "anybody: no [user] is configured", …
void caller_append(struct bytes *text, const struct caller *c);
