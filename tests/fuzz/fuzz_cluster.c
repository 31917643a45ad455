// What servers say of their cluster: redirects, CLUSTER SLOTS, CLUSTER INFO; what sentinels say of
// the master "m"; and the slots of keys.
//
// Input: 'r' and an error; 'i' and the text of CLUSTER INFO; 'h', a length ('0' none, '1' one byte
// …) and a key whose prefix is so long; 's', two pieces (see next_piece()) and the answer to
// CLUSTER SLOTS; 'm', two pieces, and what a sentinel says; 'M' the same, where the master was
// asked for.
#include "feed.h"
#include "fuzz.h"
#include "protocol/cluster_info.h"
#include "protocol/hash_slot.h"
#include "protocol/redirect.h"
#include "protocol/resp.h"
#include "protocol/sentinel_reply.h"
#include "protocol/slots_reply.h"

// --- errors, texts, keys ----------------------------------------------------------------------

static void check_redirect(struct slice error) {
    struct redirect to;
    char *exact = copy_exactly(error.data, error.len);
    bool is_turn = redirect_read((struct slice){exact, error.len}, &to);
    EXPECT(is_turn == (to.turn != TURN_NONE));
    if (to.turn == TURN_MOVED || to.turn == TURN_ASK) {
        EXPECT(to.slot < HASH_SLOTS && to.port >= 1 && to.port <= 65535);
        EXPECT(to.host.len <= REDIRECT_LONGEST_HOST && error.len <= REDIRECT_LONGEST);
        EXPECT(to.host.data >= exact && to.host.data + to.host.len < exact + error.len);
    } else {
        EXPECT(to.slot == 0 && to.host.len == 0 && to.port == 0);
    }
    free(exact);
}

static void check_info(struct slice text) {
    struct cluster_info info;
    char *exact = copy_exactly(text.data, text.len);
    bool is_read = cluster_info_read((struct slice){exact, text.len}, &info);
    EXPECT(is_read || !info.is_ok);
    free(exact);
}

// The slot as the specification tells it, of a key in one part.
static uint16_t slot_of(struct slice key) {
    const char *open = key.len > 0 ? memchr(key.data, '{', key.len) : NULL;
    if (open) {
        struct slice tag = {open + 1, key.len - (size_t)(open + 1 - key.data)};
        const char *close = tag.len > 0 ? memchr(tag.data, '}', tag.len) : NULL;
        if (close && close > tag.data)
            key = (struct slice){tag.data, (size_t)(close - tag.data)};
    }
    uint16_t crc = 0;
    for (size_t i = 0; i < key.len; i++) {
        crc = (uint16_t)(crc ^ (unsigned char)key.data[i] << 8);
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1);
    }
    return crc % HASH_SLOTS;
}

static void check_slot(struct slice key) {
    size_t cut = (size_t)(unsigned char)(take_byte(&key) - '0');
    cut = cut < key.len ? cut : key.len;
    char *prefix = copy_exactly(key.data, cut), *rest = copy_exactly(key.data + cut, key.len - cut);
    EXPECT(hash_slot((struct slice){prefix, cut}, (struct slice){rest, key.len - cut}) ==
           slot_of(key));
    free(prefix);
    free(rest);
}

// --- CLUSTER SLOTS ----------------------------------------------------------------------------

struct table {
    struct slots_reply reply;
    struct bytes shown; // all that was taken
    uint32_t ranges, slots;
    bool is_done, is_good;
};

static void take(void *owner, const struct slots_range *range) {
    struct table *t = owner;
    EXPECT(range->first <= range->last && range->last < HASH_SLOTS);
    EXPECT(range->port >= 1 && range->port <= 65535);
    EXPECT((range->kind == SLOTS_HOST_NAMED) == (range->host.len > 0));
    t->ranges++;
    t->slots += (uint32_t)(range->last - range->first + 1);
    EXPECT(t->ranges <= HASH_SLOTS && t->slots <= HASH_SLOTS);
    bytes_printf(&t->shown, "%u %u %d %d ", range->first, range->last, range->kind, range->port);
    bytes_append_slice(&t->shown, range->host);
    bytes_append_slice(&t->shown, range->id);
    bytes_append_slice(&t->shown, range->ip);
}

static void on_event(void *owner, const struct event *e) {
    slots_reply_event(&((struct table *)owner)->reply, e);
}

static bool on_reply(void *owner) {
    struct table *t = owner;
    t->is_done = true;
    t->is_good = slots_reply_end(&t->reply);
    return false; // one answer is read
}

static struct table read_slots(struct slice answer, struct pieces *pieces) {
    struct table t = {0};
    struct resp *resp = resp_new((struct resp_handler){on_event, on_reply, &t});
    slots_reply_begin(&t.reply, take, &t);
    (void)feed(resp, answer, pieces);
    resp_free(resp);
    EXPECT(t.ranges == t.reply.ranges && t.slots <= t.reply.slots);
    return t;
}

static void check_slots(struct slice answer) {
    struct pieces pieces = take_pieces(&answer);
    struct table whole = read_slots(answer, NULL), split = read_slots(answer, &pieces);
    EXPECT(whole.is_done == split.is_done && whole.is_good == split.is_good);
    EXPECT(slice_equal(bytes_slice(&whole.shown), bytes_slice(&split.shown)));
    bytes_deinit(&whole.shown);
    bytes_deinit(&split.shown);
}

// --- sentinels --------------------------------------------------------------------------------

struct hearing {
    struct sentinel_reply reply;
    bool is_awaited;
    struct bytes shown; // all that was said
};

static void on_sentinel_event(void *owner, const struct event *e) {
    struct hearing *h = owner;
    sentinel_reply_event(&h->reply, e, h->is_awaited);
}

static bool on_sentinel_reply(void *owner) {
    struct hearing *h = owner;
    const struct sentinel_reply *r = &h->reply;
    bytes_printf(&h->shown, "%d ", r->said);
    if (r->said == SENTINEL_MASTER || r->said == SENTINEL_SWITCH) {
        EXPECT(r->host_len > 0 && r->host_len <= sizeof(r->host));
        EXPECT(r->port >= 1 && r->port <= 65535);
        bytes_append(&h->shown, r->host, r->host_len);
        bytes_printf(&h->shown, " %d ", r->port);
    }
    EXPECT(h->is_awaited || (r->said != SENTINEL_MASTER && r->said != SENTINEL_UNKNOWN));
    return true;
}

static struct bytes hear(struct slice said, bool is_awaited, struct pieces *pieces) {
    struct hearing h = {.is_awaited = is_awaited};
    struct resp *resp = resp_new((struct resp_handler){on_sentinel_event, on_sentinel_reply, &h});
    sentinel_reply_init(&h.reply, "m");
    (void)feed(resp, said, pieces);
    resp_free(resp);
    return h.shown;
}

static void check_sentinel(struct slice said, bool is_awaited) {
    struct pieces pieces = take_pieces(&said);
    struct bytes whole = hear(said, is_awaited, NULL), split = hear(said, is_awaited, &pieces);
    EXPECT(slice_equal(bytes_slice(&whole), bytes_slice(&split)));
    bytes_deinit(&whole);
    bytes_deinit(&split);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size) {
    struct slice said = {(const char *)input, size};
    switch (take_byte(&said)) {
    case 'r': check_redirect(said); break;
    case 'i': check_info(said); break;
    case 'h': check_slot(said); break;
    case 's': check_slots(said); break;
    case 'm': check_sentinel(said, false); break;
    case 'M': check_sentinel(said, true); break;
    default: break;
    }
    return 0;
}
