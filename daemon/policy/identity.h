// Caller: who asks over a connection, and what the [user] sections let them do.
#pragma once

#include <sys/types.h>

#include "conf/sections.h"
#include "conf/settings.h"
#include "protocol/bytes.h"
#include "protocol/refusal.h"
#include "protocol/verb.h"
#include "protocol/verb_table.h"

struct namespace;

struct identity {
    // The caller's last words, which it may say again: most say the same many times. NULL: nothing
    // yet, or something has changed since.
    const struct verb_entry *last_entry;
    struct namespace *last_namespace;
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
void identity_init_peer(struct identity *c, int fd);
void identity_deinit(struct identity *c);

// Finds the caller among the users of the settings now in force.
void identity_identify(struct identity *c, const struct settings *settings);

// True: from now on it is that user.
bool identity_authenticate(struct identity *c, const struct settings *settings, struct slice name,
                           struct slice token);

// Takes that back: it is who it was when it connected.
void identity_forget(struct identity *c, const struct settings *settings);

// May it say the verb at all? False with a refusal. `verb` NULL: one that does not exist.
bool identity_may_say(const struct identity *c, const struct verb *verb, struct refusal *refusal);
// Is it known who it is, or is everybody trusted?
static inline bool identity_is_known(const struct identity *c) { return c->is_trusted || c->user; }
// May it say verbs that write?
bool identity_may_write(const struct identity *c);
// May it use that namespace (by its index in the settings)?
bool identity_may_use(const struct identity *c, size_t namespace_index);
// Does it see what the others do: their connections, all backends?
bool identity_is_admin(const struct identity *c);
// Does it see namespaces only by their own names?
bool identity_is_limited(const struct identity *c);

// "web (write)", "anybody: no [user] is configured", …
void identity_append(struct bytes *text, const struct identity *c);
