#include "daemon/loop/recent.h"

#include <pthread.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; // of all below

static struct recent_event ring[RECENT_EVENTS];
static size_t added; // events ever

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// Returns how many bytes of the text fit, without a part of a character.
static size_t fit(struct slice text) {
    size_t len = text.len;
    if (len < RECENT_TEXT)
        return len;
    len = RECENT_TEXT - 1;
    while (len > 0 && ((unsigned char)text.data[len] & 0xc0) == 0x80)
        len--;
    return len;
}

void recent_add(enum log_level level, const char *name, struct slice text) {
    size_t len = fit(text);
    pthread_mutex_lock(&lock);
    struct recent_event *event = &ring[added++ % RECENT_EVENTS];
    event->time_ms = now_ms();
    event->level = level;
    event->name = name;
    if (len > 0)
        memcpy(event->text, text.data, len);
    event->text[len] = '\0';
    pthread_mutex_unlock(&lock);
}

size_t recent_events(struct recent_event *to, size_t most) {
    pthread_mutex_lock(&lock);
    size_t count = added < RECENT_EVENTS ? added : RECENT_EVENTS;
    count = count < most ? count : most;
    for (size_t i = 0; i < count; i++)
        to[i] = ring[(added - 1 - i) % RECENT_EVENTS];
    pthread_mutex_unlock(&lock);
    return count;
}
