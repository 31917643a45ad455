#include "auth.h"

#include "client.h"
#include "context.h"
#include "guesses.h"
#include "hello.h"

static struct slice peer_of(const struct client *c) { return (struct slice){c->peer, c->peer_len}; }

// The user and the token of a call of `auth` or `hello`; NULL: it has none.
static const struct slice *credentials_of(const struct call *call) {
    struct hello h;
    if (slice_equal(slice_of(call->verb->name), SLICE("auth")))
        return call->args;
    return hello_read(call->args, call->argc, &h) ? h.credentials : NULL;
}

bool auth_may_look(struct client *c, const struct call *call) {
    struct context *context = c->context;
    const struct slice *credentials = credentials_of(call);
    if (!credentials || c->caller.is_trusted || c->auth_turn != AUTH_NONE)
        return true;
    int64_t wait_ms = guesses_wait_ms(context->guesses, peer_of(c), credentials[0],
                                      uv_now(&context->reactor.loop));
    if (wait_ms == GUESS_REFUSED || (wait_ms > 0 && context->is_draining))
        c->auth_turn = AUTH_REFUSE;
    else if (wait_ms > 0)
        client_wait_auth(c, (uint64_t)wait_ms);
    return wait_ms <= 0 || context->is_draining;
}

bool auth_try(struct request *r, struct slice name, struct slice token) {
    struct client *c = r->client;
    enum auth_turn turn = c->auth_turn;
    c->auth_turn = AUTH_NONE;
    if (c->caller.is_trusted) {
        request_fail(r, REPLY_NOAUTH,
                     "no password is set: no [user] is configured, nobody needs to authenticate");
        return false;
    }
    if (turn == AUTH_REFUSE) {
        request_fail(r, REPLY_NOAUTH,
                     "too many wrong tokens for this user from your address: "
                     "try again in some seconds");
        return false;
    }
    bool is_right = caller_authenticate(&c->caller, r->policy->settings, name, token);
    guesses_note(r->context->guesses, peer_of(c), name, is_right,
                 uv_now(&r->context->reactor.loop));
    if (is_right) {
        client_set_limits(c);
        return true;
    }
    struct bytes said = {0};
    bytes_append_literal(&said, "user ");
    bytes_append_readable(&said, name, 64);
    bytes_append(&said, "", 1);
    client_complain(c, LOG_LEVEL_INFO, "wrong user or token", said.data);
    bytes_deinit(&said);
    request_fail(r, REPLY_NOAUTH, "wrong user or token");
    return false;
}
