#include "daemon/backend/eviction.h"

#include <stdio.h>

#include "daemon/backend/conn.h"
#include "daemon/backend/slot.h"
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/command.h"
#include "protocol/mem.h"

struct question {
    struct slot slot;
    char *to;
    struct bytes text; // of the answer
};

static struct question *question_of(struct slot *slot) {
    return CONTAINER_OF(slot, struct question, slot);
}

static void begin_answer(struct slot *slot, struct answer *a) {
    struct question *q = question_of(slot);
    answer_begin(a, &slot->command, render_as_is, &q->text);
    a->takes_errors = true;
}

static void end(struct question *q) {
    bytes_deinit(&q->text);
    mem_free(q);
}

static void on_answered(struct slot *slot, const struct answer *a) {
    static const char name[] = "\nmaxmemory_policy:";
    struct question *q = question_of(slot);
    (void)a;
    bytes_append(&q->text, "", 1);
    const char *at = strstr(q->text.data, name);
    if (at) {
        at += strlen(name);
        snprintf(q->to, EVICTION_SIZE, "%.*s", (int)strcspn(at, "\r\n"), at);
    }
    end(q);
}

static void on_failed(struct slot *slot, enum slot_failure failure) {
    if (failure != SLOT_TIMEOUT) // an answer may still come
        end(question_of(slot));
}

static const struct slot_owner owner = {
    .begin = begin_answer, .answered = on_answered, .failed = on_failed};

void eviction_ask(struct backend_conn *conn, char *to) {
    struct question *q = mem_new(sizeof(*q));
    q->to = to;
    q->slot.owner = &owner;
    backend_conn_begin(conn, &q->slot);
    command_begin(&q->slot.command, SLICE("INFO"), 2);
    command_word(&q->slot.command, SLICE("memory"));
    backend_conn_enqueue(conn, &q->slot);
}
