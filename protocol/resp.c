#include "resp.h"

#include <hiredis/hiredis.h>

#include "mem.h"

#if HIREDIS_MAJOR >= 1
typedef size_t element_count;
#else
typedef int element_count;
#endif

// hiredis moves what is left to the front for every kilobyte that it consumes, so it gets small
// bites.
enum { BITE = 8 * 1024, KEEP_BUFFER = 256 * 1024, LONGEST_LINE = 64 * 1024 };

struct resp {
    redisReader *reader;
    struct resp_handler handler;
};

// Any pointer that is not NULL: hiredis takes NULL for "out of memory".
static void *emit(const redisReadTask *task, struct event *e) {
    struct resp *r = task->privdata;
    for (const redisReadTask *t = task->parent; t; t = t->parent)
        e->depth++;
    e->index = task->idx > 0 ? (uint32_t)task->idx : 0;
    r->handler.on_event(r->handler.owner, e);
    return r;
}

static void *on_string(const redisReadTask *task, char *text, size_t len) {
    struct event e = {.text = {text, len}, .type = EVENT_BULK};
    if (task->type == REDIS_REPLY_STATUS)
        e.type = EVENT_STATUS;
    else if (task->type == REDIS_REPLY_ERROR)
        e.type = EVENT_ERROR;
    return emit(task, &e);
}

static void *on_array(const redisReadTask *task, element_count count) {
    // From 1.0 on hiredis reads RESP3's maps, sets and pushes too, which nobody asked for: NULL
    // ends the reader.
    if (task->type != REDIS_REPLY_ARRAY)
        return NULL;
    return emit(task, &(struct event){.type = EVENT_ARRAY, .count = (size_t)count});
}

static void *on_integer(const redisReadTask *task, long long integer) {
    return emit(task, &(struct event){.type = EVENT_INTEGER, .integer = integer});
}

static void *on_nil(const redisReadTask *task) {
    return emit(task, &(struct event){.type = EVENT_NIL});
}

static void on_free(void *object) { (void)object; }

static redisReplyObjectFunctions functions = {
    .createString = on_string,
    .createArray = on_array,
    .createInteger = on_integer,
    .createNil = on_nil,
    .freeObject = on_free,
};

struct resp *resp_new(struct resp_handler handler) {
    struct resp *r = mem_new(sizeof(*r));
    r->handler = handler;
    r->reader = redisReaderCreateWithFunctions(&functions);
    if (!r->reader)
        mem_out();
    r->reader->privdata = r;
    r->reader->maxbuf = KEEP_BUFFER;
    return r;
}

void resp_free(struct resp *r) {
    redisReaderFree(r->reader);
    mem_free(r);
}

static int unfinished_type(const redisReader *reader) {
#if HIREDIS_MAJOR >= 1
    return reader->ridx < 0 ? -1 : reader->task[reader->ridx]->type;
#else
    return reader->ridx < 0 ? -1 : reader->rstack[reader->ridx].type;
#endif
}

// hiredis believes any length, and looks through an unfinished line afresh with every bite.
static const char *check_unfinished(const redisReader *reader) {
    const char *at = reader->buf + reader->pos, *end = reader->buf + reader->len;
    size_t length = 0;
    if (unfinished_type(reader) == REDIS_REPLY_STRING) {
        for (; at < end && *at >= '0' && *at <= '9' && length <= RESP_MAX_REPLY; at++)
            length = length * 10 + (size_t)(*at - '0');
        if (length > RESP_MAX_REPLY)
            return "reply too long";
        if (at < end && *at == '\r')
            return NULL;
    }
    return end - at > LONGEST_LINE ? "line too long" : NULL;
}

static const char *feed_bite(struct resp *r, const char *data, size_t len) {
    void *reply = NULL;
    if (redisReaderFeed(r->reader, data, len) != REDIS_OK)
        return r->reader->errstr;
    for (;;) {
        if (redisReaderGetReply(r->reader, &reply) != REDIS_OK)
            return r->reader->errstr;
        if (!reply)
            break;
        if (!r->handler.on_reply(r->handler.owner))
            return "unexpected answer";
    }
    return check_unfinished(r->reader);
}

const char *resp_feed(struct resp *r, const char *data, size_t len) {
    const char *error = NULL;
    for (size_t at = 0; at < len && !error; at += BITE)
        error = feed_bite(r, data + at, len - at < BITE ? len - at : BITE);
    return error;
}
