#include "daemon/request/json_check.h"

#include "conf/sections.h"
#include "daemon/policy/value.h"
#include "protocol/mem.h"

enum state { NEW, RUNNING, DONE };

struct json_check {
    uv_work_t work;
    enum state state;
    struct part {
        size_t offset, len; // of a value, from the start of the first word
    } * parts;
    size_t count;
    const char *first_word;
    bool is_good; // written by the thread
    void (*on_done)(void *owner);
    void *owner;       // NULL: nobody waits for the result
    struct bytes text; // left behind by an owner that has gone
};

struct json_check *json_check_new(void) {
    return mem_new(sizeof(struct json_check));
}

void json_check_add(struct json_check *check, size_t offset, size_t len) {
    check->parts = mem_grow(check->parts, check->count, sizeof(*check->parts));
    check->parts[check->count++] = (struct part){offset, len};
}

static void look(uv_work_t *work) {
    struct json_check *check = work->data;
    check->is_good = true;
    for (size_t i = 0; i < check->count && check->is_good; i++) {
        const struct part *part = &check->parts[i];
        struct slice value = {check->first_word + part->offset, part->len};
        check->is_good = value_problem(VALUE_JSON, value) == NULL;
    }
}

static void free_all(struct json_check *check) {
    bytes_deinit(&check->text);
    mem_free(check->parts);
    mem_free(check);
}

static void on_looked(uv_work_t *work, int status) {
    struct json_check *check = work->data;
    (void)status; // a check that somebody waits for is never cancelled
    check->state = DONE;
    if (check->owner)
        check->on_done(check->owner);
    else
        free_all(check);
}

void json_check_start(struct json_check *check, uv_loop_t *loop, const char *first_word,
                      void (*on_done)(void *owner), void *owner) {
    if (check->state != NEW)
        return;
    check->state = RUNNING;
    check->first_word = first_word;
    check->on_done = on_done;
    check->owner = owner;
    check->work.data = check;
    uv_queue_work(loop, &check->work, look, on_looked);
}

bool json_check_is_done(const struct json_check *check) { return check->state == DONE; }

bool json_check_is_good(const struct json_check *check) { return check->is_good; }

void json_check_free(struct json_check *check, struct bytes *text) {
    if (check->state != RUNNING) {
        free_all(check);
        return;
    }
    check->owner = NULL;
    check->text = *text;
    *text = (struct bytes){0};
    uv_cancel((uv_req_t *)&check->work); // has no effect when a thread has begun
}
