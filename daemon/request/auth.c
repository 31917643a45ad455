#include "daemon/request/auth.h"

#include "conf/sections.h"
#include "daemon/loop/log_event.h"
#include "daemon/loop/loop.h"
#include "daemon/policy/guesses.h"
#include "daemon/policy/identity.h"
#include "daemon/request/context.h"
#include "daemon/request/request.h"
#include "daemon/request/session.h"
#include "protocol/refusal.h"
#include "protocol/reply.h"

bool auth_may_look(struct session *session, const struct call *call) {
    struct context *context = session->context;
    const struct slice *credentials = call->verb->credentials(call);
    if (!credentials || session->identity.is_trusted || session->auth_turn != AUTH_NONE)
        return true;
    uint64_t now_ms = loop_now(&context->loop);
    int64_t wait_ms =
        guesses_wait_ms(context->guesses, session_peer(session), credentials[0], now_ms);
    if (wait_ms == GUESS_REFUSED || (wait_ms > 0 && context->is_draining)) {
        session->auth_turn = AUTH_REFUSE;
    } else if (wait_ms > 0) {
        session->auth_turn = AUTH_WAITS;
        session->auth_at_ms = now_ms + (uint64_t)wait_ms;
    }
    return wait_ms <= 0 || context->is_draining;
}

bool auth_try(struct request *r, struct slice name, struct slice token) {
    struct session *session = r->session;
    enum auth_turn turn = session->auth_turn;
    session->auth_turn = AUTH_NONE;
    if (session->identity.is_trusted) {
        request_fail(r, REPLY_NOAUTH, REFUSAL_NO_USERS);
        return false;
    }
    if (turn == AUTH_REFUSE) {
        request_fail(r, REPLY_NOAUTH, REFUSAL_GUESSES);
        return false;
    }
    bool is_right = identity_authenticate(&session->identity, r->policy->settings, name, token);
    guesses_note(r->context->guesses, session_peer(session), name, is_right,
                 loop_now(&r->context->loop));
    if (is_right) {
        session->on_identified(session);
        return true;
    }
    struct bytes said = {0};
    bytes_append_readable(&said, name, 64);
    bytes_append(&said, "", 1);
    session_complain(session, LOG_WRONG_TOKEN, said.data, (struct log_value){0});
    bytes_deinit(&said);
    request_fail(r, REPLY_NOAUTH, REFUSAL_WRONG_TOKEN);
    return false;
}
