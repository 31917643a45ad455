// Hasty: makes a daemon of the tests look at its files all the time, instead of once a minute, and
// say when it finds a change again. The linker has daemon.c call __wrap_lookout_init().
#include "daemon/lookout.h"
#include "daemon/loop/log.h"
#include "daemon/loop/log_event.h"
#include "daemon/loop/loop.h"

enum { HASTY_MS = 20 };

static struct loop *main_loop;
static void (*tell_owner)(void *owner, bool is_told);

void __real_lookout_init(struct lookout *l, struct loop *loop, uint64_t period_ms,
                         void (*on_due)(void *owner, bool is_told), void *owner);
void __wrap_lookout_init(struct lookout *l, struct loop *loop, uint64_t period_ms,
                         void (*on_due)(void *owner, bool is_told), void *owner);

static void on_hasty_due(void *owner, bool is_told) {
    if (!is_told)
        log_tell(&main_loop->log, LOG_FILES_CHANGED, log_text(FIELD_REASON, "hasty: due again"));
    tell_owner(owner, is_told);
}

void __wrap_lookout_init(struct lookout *l, struct loop *loop, uint64_t period_ms,
                         void (*on_due)(void *owner, bool is_told), void *owner) {
    (void)period_ms;
    main_loop = loop;
    tell_owner = on_due;
    __real_lookout_init(l, loop, HASTY_MS, on_hasty_due, owner);
}
