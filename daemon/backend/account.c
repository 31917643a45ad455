#include "daemon/backend/account.h"
#include "protocol/redis_error.h"

void account_deinit(struct account *account) { bytes_deinit(&account->key); }

void account_ask(struct account *account, struct account_question *q, struct command *c,
                 uint64_t now_ms) {
    account->asked_ms = now_ms;
    *q = (struct account_question){.left = account->needs};
    rights_write_question(account->rights, account->needs, bytes_slice(&account->key), c);
}

void account_answered(struct account_question *q, const struct event *e) {
    struct slice command;
    uint64_t asked = q->left & (0 - q->left);
    q->left ^= asked;
    if (e->type == EVENT_ERROR && redis_error_is_denial(e->text, &command))
        q->refused |= asked;
}

void account_settle(struct account *account, const struct account_question *q) {
    account->refused = q->refused;
}
