// Identity: who asks over a connection, and what the [user] sections let them do.
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
    // The verb and namespace that the client named last, found without a look-up when it names them
    // again, as most do. NULL: none yet, or the settings or the identity have changed since.
    const struct verb_entry *last_entry;
    struct namespace *last_namespace;
    bool is_local; // a Unix socket, or loopback
    bool has_peer; // the system vouches for uid and groups: a Unix socket
    pid_t pid;
    uid_t uid;
    gid_t *groups; // the peer's own and supplementary ones
    size_t group_count;
    char *name;                           // authenticated as that user; NULL: not authenticated
    const struct user_conf *user;         // in the settings in force; NULL: none matches
    unsigned char token[TOKEN_HASH_SIZE]; // the hash of the token that it authenticated with
    struct bytes certificate; // the names in the client's, as tls_append_peer_names(); empty: none
    bool is_trusted;          // there are no [user] sections, and the client is local
};

// Asks the system who is at the other end of the Unix socket `fd`.
void identity_init_peer(struct identity *c, int fd);
void identity_deinit(struct identity *c);

// Finds the user for the identity among the settings now in force. To be called again after a
// reload.
void identity_identify(struct identity *c, const struct settings *settings);

// Returns true when the token is the named user's: from now on the identity is that user.
bool identity_authenticate(struct identity *c, const struct settings *settings, struct slice name,
                           struct slice token);

// Takes the authentication back: the identity is again what it was when the client connected.
void identity_forget(struct identity *c, const struct settings *settings);

// Returns whether the identity may use the verb; false with a refusal. `verb` NULL stands for a
// verb that does not exist.
bool identity_may_say(const struct identity *c, const struct verb *verb, struct refusal *refusal);
// Returns whether the identity is a user, or is trusted without being one.
static inline bool identity_is_known(const struct identity *c) { return c->is_trusted || c->user; }
// Returns whether the identity may use verbs that write.
bool identity_may_write(const struct identity *c);
// Returns whether the identity may use the namespace with that index in the settings.
bool identity_may_use(const struct identity *c, size_t namespace_index);
// Returns whether the identity may see the connections of other clients, and all backends.
bool identity_is_admin(const struct identity *c);
// Returns whether the identity may use only the namespaces named in its [user] section.
bool identity_is_limited(const struct identity *c);

// Appends a description: "web (write)", "anybody: no [user] is configured", …
void identity_append(struct bytes *text, const struct identity *c);
