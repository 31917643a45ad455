#include "daemon/policy/identity.h"

#include <errno.h>
#include <sodium.h>
#include <sys/socket.h>

#include "protocol/mem.h"
#include "protocol/reply.h"

_Static_assert(TOKEN_HASH_SIZE == crypto_hash_sha256_BYTES, "tokens are kept as SHA-256");

enum { LONGEST_TOKEN = 64 * 1024 };

void identity_init_peer(struct identity *c, int fd) {
    struct ucred peer;
    socklen_t size = sizeof(peer), groups_size = 0;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return;
    c->has_peer = true;
    c->pid = peer.pid;
    c->uid = peer.uid;
    // SO_PEERGROUPS needs Linux 4.13; elsewhere only the peer's own group counts (unix(7)). With
    // too little room, getsockopt() fails with ERANGE and says how much room is needed.
    bool has_groups =
        getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &groups_size) == 0 || errno == ERANGE;
    if (!has_groups)
        groups_size = 0;
    c->groups = mem_new(sizeof(gid_t) + groups_size);
    c->groups[0] = peer.gid;
    c->group_count = 1;
    if (groups_size > 0 &&
        getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, c->groups + 1, &groups_size) == 0)
        c->group_count += groups_size / sizeof(gid_t);
}

void identity_deinit(struct identity *c) {
    mem_free(c->groups);
    mem_free(c->name);
    bytes_deinit(&c->certificate);
}

// --- finding the user -------------------------------------------------------------------------

static bool is_in_group(const struct identity *c, int64_t gid) {
    for (size_t i = 0; i < c->group_count; i++)
        if (c->groups[i] == (gid_t)gid)
            return true;
    return false;
}

static bool is_peer(const struct identity *c, const struct user_conf *user) {
    bool is_by_peer = user->uid >= 0 || user->gid >= 0;
    return is_by_peer && c->has_peer && (user->uid < 0 || c->uid == (uid_t)user->uid) &&
           (user->gid < 0 || is_in_group(c, user->gid));
}

static bool has_certificate(const struct identity *c, const struct user_conf *user) {
    const char *end = c->certificate.data + c->certificate.len;
    for (const char *name = c->certificate.data; name < end; name += strlen(name) + 1)
        for (size_t i = 0; i < user->tls_names.count; i++)
            if (strcmp(name, user->tls_names.items[i]) == 0)
                return true;
    return false;
}

// The token is compared again after each reload: a replaced token is no longer good.
static bool is_authenticated(const struct identity *c, const struct user_conf *user) {
    return user->has_token && strcmp(user->name, c->name) == 0 &&
           sodium_memcmp(user->token, c->token, sizeof(c->token)) == 0;
}

void identity_identify(struct identity *c, const struct settings *settings) {
    c->user = NULL;
    c->last_entry = NULL;
    c->last_namespace = NULL;
    c->is_trusted = settings->user_count == 0 && c->is_local;
    for (size_t i = 0; i < settings->user_count && !c->user; i++) {
        const struct user_conf *user = &settings->users[i];
        if (c->name ? is_authenticated(c, user) : is_peer(c, user) || has_certificate(c, user))
            c->user = user;
    }
}

// Returns the user of that name, if the token is theirs; *hash gets the token's hash. A token that
// is too long is nobody's: hashing it would take long, on behalf of an unknown client.
static const struct user_conf *find_user(const struct settings *settings, struct slice name,
                                         struct slice token, unsigned char *hash) {
    const struct user_conf *found = NULL;
    if (token.len > LONGEST_TOKEN)
        return NULL;
    crypto_hash_sha256(hash, (const unsigned char *)token.data, token.len);
    for (size_t i = 0; i < settings->user_count; i++) {
        const struct user_conf *user = &settings->users[i];
        if (user->has_token && slice_equal(name, slice_of(user->name)) &&
            sodium_memcmp(hash, user->token, TOKEN_HASH_SIZE) == 0)
            found = user;
    }
    return found;
}

bool identity_authenticate(struct identity *c, const struct settings *settings, struct slice name,
                           struct slice token) {
    unsigned char hash[TOKEN_HASH_SIZE];
    const struct user_conf *found = find_user(settings, name, token, hash);
    if (!found)
        return false;
    mem_free(c->name);
    c->name = mem_text(found->name);
    memcpy(c->token, hash, sizeof(hash));
    identity_identify(c, settings);
    return true;
}

void identity_forget(struct identity *c, const struct settings *settings) {
    mem_free(c->name);
    c->name = NULL;
    identity_identify(c, settings);
}

// --- rights -----------------------------------------------------------------------------------

bool identity_may_say(const struct identity *c, const struct verb *verb, struct refusal *refusal) {
    if (c->is_trusted || (verb && verb->flags & VERB_NO_AUTH))
        return true;
    if (!c->user)
        return refusal_set(refusal, REPLY_NOAUTH, "authenticate first: auth USER TOKEN");
    if (!verb || c->user->access >= ACCESS_ADMIN)
        return true;
    if (verb->flags & VERB_ADMIN)
        return refusal_set(refusal, REPLY_NOPERM, "this needs access = admin");
    if (verb->flags & VERB_WRITE && c->user->access < ACCESS_WRITE)
        return refusal_set(refusal, REPLY_NOPERM, "this needs access = write");
    return true;
}

bool identity_may_write(const struct identity *c) {
    return c->is_trusted || (c->user && c->user->access >= ACCESS_WRITE);
}

bool identity_is_admin(const struct identity *c) {
    return c->is_trusted || (c->user && c->user->access >= ACCESS_ADMIN);
}

bool identity_is_limited(const struct identity *c) {
    return !c->is_trusted && !(c->user && c->user->namespaces.has_all);
}

bool identity_may_use(const struct identity *c, size_t namespace_index) {
    return !identity_is_limited(c) || (c->user && c->user->allowed[namespace_index]);
}

void identity_append(struct bytes *text, const struct identity *c) {
    static const char *const accesses[] = {"read", "write", "admin"};
    if (c->is_trusted)
        bytes_append_literal(text, "anybody (no [user] is configured)");
    else if (c->user)
        bytes_printf(text, "%s (%s)", c->user->name, accesses[c->user->access]);
    else
        bytes_append_literal(text, "nobody yet");
}
