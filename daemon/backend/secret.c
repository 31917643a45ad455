#include "daemon/backend/secret.h"

#include <string.h>

#include "conf/file.h"
#include "protocol/mem.h"

static void on_timer(uv_timer_t *timer) { secret_look(CONTAINER_OF(timer, struct secret, timer)); }

void secret_init(struct secret *s, struct loop *loop, const char *file, const char *beside,
                 const char *password, uint64_t period_ms, const struct secret_events *events) {
    *s = (struct secret){.events = events,
                         .file = *file ? file : NULL,
                         .beside = beside,
                         .password = password ? mem_text(password) : NULL};
    uv_timer_init(&loop->uv, &s->timer);
    if (s->file)
        uv_timer_start(&s->timer, on_timer, period_ms, period_ms);
}

static bool is_same(const char *a, const char *b) { return a && b ? strcmp(a, b) == 0 : a == b; }

void secret_set(struct secret *s, const char *password) {
    if (is_same(s->password, password))
        return;
    mem_free(s->password);
    s->password = password ? mem_text(password) : NULL;
    s->events->on_changed(s);
}

// Calls on_closed() when neither a thread nor the loop has the struct any more.
static void end_if_free(struct secret *s) {
    if (s->is_reading || !s->is_timer_closed)
        return;
    bytes_deinit(&s->text);
    mem_free(s->password);
    s->events->on_closed(s);
}

// This runs on another thread.
static void read_file(uv_work_t *work) {
    struct secret *s = CONTAINER_OF(work, struct secret, work);
    s->text.len = 0;
    s->error = file_read_secret(s->file, s->beside, &s->text);
    while (s->text.len > 0 && strchr("\r\n", s->text.data[s->text.len - 1]))
        s->text.len--;
    bytes_append(&s->text, "", 1);
}

static void on_read(uv_work_t *work, int status) {
    struct secret *s = CONTAINER_OF(work, struct secret, work);
    s->is_reading = false;
    if (s->is_closing)
        end_if_free(s);
    else if (status == 0 && s->error)
        s->events->on_trouble(s, strerror(s->error));
    else if (status == 0 && s->text.len == 1)
        s->events->on_trouble(s, "it is empty");
    else if (status == 0)
        secret_set(s, s->text.data);
}

void secret_look(struct secret *s) {
    if (s->file && !s->is_reading && !s->is_closing)
        s->is_reading = uv_queue_work(s->timer.loop, &s->work, read_file, on_read) == 0;
}

static void on_timer_closed(uv_handle_t *timer) {
    struct secret *s = CONTAINER_OF(timer, struct secret, timer);
    s->is_timer_closed = true;
    end_if_free(s);
}

void secret_close(struct secret *s) {
    s->is_closing = true;
    uv_close((uv_handle_t *)&s->timer, on_timer_closed);
}
