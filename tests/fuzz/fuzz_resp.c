// The reader of a backend's answers beside hiredis's, which is the reference: what ours accepts,
// hiredis reads as the same values. Ours is the stricter.
//
// Input: two bytes choose the pieces (see next_piece()), then what the backend says. Long strings
// are not compared by pieces, but joined: RESP_WHOLE is small here.
#include <hiredis/hiredis.h>

#include "feed.h"
#include "fuzz.h"
#include "protocol/resp.h"

enum {
    DEEPEST = 8
}; // an array in so many, be it nil, hiredis may refuse, and ours counts otherwise

static struct bytes ours, theirs; // kept: no allocation per run
static bool is_deep;

// --- ours -------------------------------------------------------------------------------------

static void write_head(struct bytes *to, char mark, uint32_t depth, uint32_t index) {
    bytes_printf(to, "\n%c %u %u ", mark, depth, index);
}

static void on_event(void *owner, const struct event *e) {
    static const char marks[] = {'+', '-', ':', '$', '?', '_', '*'};
    (void)owner;
    bool is_array = e->type == EVENT_ARRAY || (e->type == EVENT_NIL && e->count);
    is_deep = is_deep || (is_array && e->depth == DEEPEST);
    if (e->type != EVENT_MORE)
        write_head(&ours, marks[e->type], e->depth, e->index);
    if (e->type == EVENT_INTEGER)
        bytes_printf(&ours, "%lld", (long long)e->integer);
    else if (e->type == EVENT_ARRAY)
        bytes_printf(&ours, "%zu", e->count);
    else if (e->type != EVENT_NIL)
        bytes_append_slice(&ours, e->text);
}

static bool on_reply(void *owner) {
    ++*(size_t *)owner;
    return true;
}

// Returns how many whole answers there are; -1: it refuses them.
static int64_t read_ours(struct slice said, struct pieces *pieces) {
    size_t replies = 0;
    struct resp *resp = resp_new((struct resp_handler){on_event, on_reply, &replies});
    ours.len = 0;
    is_deep = false;
    const char *error = feed(resp, said, pieces);
    resp_free(resp);
    return error ? -1 : (int64_t)replies;
}

// --- theirs -----------------------------------------------------------------------------------

static void write_theirs(const redisReply *reply, uint32_t depth, uint32_t index) {
    static const char marks[] = {
        [REDIS_REPLY_STRING] = '$', [REDIS_REPLY_ARRAY] = '*',  [REDIS_REPLY_INTEGER] = ':',
        [REDIS_REPLY_NIL] = '_',    [REDIS_REPLY_STATUS] = '+', [REDIS_REPLY_ERROR] = '-'};
    EXPECT((size_t)reply->type < sizeof(marks) && marks[reply->type]);
    write_head(&theirs, marks[reply->type], depth, index);
    if (reply->type == REDIS_REPLY_INTEGER)
        bytes_printf(&theirs, "%lld", reply->integer);
    else if (reply->type == REDIS_REPLY_ARRAY)
        bytes_printf(&theirs, "%zu", (size_t)reply->elements);
    else if (reply->type != REDIS_REPLY_NIL)
        bytes_append(&theirs, reply->str, reply->len);
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
        write_theirs(reply->element[i], depth + 1, (uint32_t)i);
}

static void read_theirs(struct slice said, int64_t replies) {
    redisReader *reader = redisReaderCreate();
    EXPECT(redisReaderFeed(reader, said.data, said.len) == REDIS_OK);
    theirs.len = 0;
    for (int64_t i = 0; i < replies; i++) {
        void *reply = NULL;
        EXPECT(redisReaderGetReply(reader, &reply) == REDIS_OK && reply);
        write_theirs(reply, 0, 0);
        freeReplyObject(reply);
    }
    redisReaderFree(reader);
}

// hiredis allocates what a count announces.
static bool is_modest(struct slice said) {
    size_t digits = 0;
    for (size_t i = 0; i < said.len; i++) {
        digits = said.data[i] >= '0' && said.data[i] <= '9' ? digits + 1 : 0;
        if (digits > 4)
            return false;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size) {
    struct slice said = {(const char *)input, size};
    struct pieces pieces = take_pieces(&said);
    int64_t split = read_ours(said, &pieces);
    static struct bytes heard;
    heard.len = 0;
    bytes_append_slice(&heard, bytes_slice(&ours));
    int64_t whole = read_ours(said, NULL);
    EXPECT(whole == split);
    if (whole < 0 || is_deep || !is_modest(said))
        return 0;
    read_theirs(said, whole);
    // Behind the last whole answer the beginning of another may have been heard.
    EXPECT(slice_begins(bytes_slice(&ours), bytes_slice(&theirs)));
    EXPECT(slice_begins(bytes_slice(&heard), bytes_slice(&theirs)));
    return 0;
}
