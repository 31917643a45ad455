// Hash slot, redirect, slots reply and cluster info: what a server says of its cluster.
#include "helpers.h"
#include "protocol/cluster_info.h"
#include "protocol/hash_slot.h"
#include "protocol/redirect.h"
#include "protocol/resp.h"
#include "protocol/slots_reply.h"

// --- slots ------------------------------------------------------------------------------------

// As Redis 7.0 says to CLUSTER KEYSLOT.
static const struct {
    struct slice key;
    uint16_t slot;
} keys[] = {
    {{"", 0}, 0},
    {{"a", 1}, 15495},
    {{"foo", 3}, 12182},
    {{"bar", 3}, 5061},
    {{"somekey", 7}, 11058},
    {{"123456789", 9}, 12739},
    {{"\xff\0\xfe", 3}, 434},
    {{"foo{hash_tag}", 13}, 2515},
    {{"{user1000}.following", 20}, 3443},
    {{"foo{}{bar}", 10}, 8363},
    {{"foo{{bar}}zap", 13}, 4015},
    {{"foo{bar}{zap}", 13}, 5061},
    {{"}{a", 3}, 12925},
    {{"a}b{c", 5}, 13587},
    {{"ns:{k", 5}, 1239},
    {{"k}y", 3}, 14881},
    {{"{}", 2}, 15257},
    {{"x{y}", 4}, 12222},
    {{"a{x:k}y", 7}, 1594},
};

START_TEST(slot_is_that_of_redis_wherever_prefix_and_key_meet) {
    for (size_t i = 0; i < COUNT(keys); i++) {
        for (size_t cut = 0; cut <= keys[i].key.len; cut++) {
            size_t rest = keys[i].key.len - cut;
            char *prefix = copy_exactly(keys[i].key.data, cut);
            char *key = copy_exactly(keys[i].key.data + cut, rest);
            uint16_t slot = hash_slot((struct slice){prefix, cut}, (struct slice){key, rest});
            ck_assert_msg(slot == keys[i].slot, "%s cut at %zu: %u", keys[i].key.data, cut, slot);
            free(prefix);
            free(key);
        }
    }
}
END_TEST

START_TEST(slot_is_decided_by_a_prefix_with_a_whole_tag) {
    static const struct {
        const char *prefix;
        bool is_whole;
    } rows[] = {
        {"", false},    {"a:", false}, {"{a}", true},    {"x{a}:", true},
        {"{a", false},  {"a}", false}, {"{}", false},    {"{}{a}", false},
        {"{{a}", true}, {"}{", false}, {"{a}{b}", true}, {"a}{", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice prefix = slice_of(rows[i].prefix);
        ck_assert_msg(hash_slot_is_of_prefix(prefix) == rows[i].is_whole, "%s", rows[i].prefix);
        bool is_same = hash_slot(prefix, SLICE("b")) == hash_slot(prefix, SLICE("c"));
        ck_assert_msg(is_same == rows[i].is_whole, "%s", rows[i].prefix);
    }
}
END_TEST

// --- redirects --------------------------------------------------------------------------------

// "TURN SLOT HOST PORT", or "none".
static struct bytes read_redirect(const char *error) {
    static const char *const turns[] = {"none",        "moved",    "ask",    "tryagain",
                                        "clusterdown", "readonly", "loading"};
    struct bytes shown = {0};
    struct redirect to;
    size_t len = strlen(error);
    char *exact = copy_exactly(error, len);
    bool is_turn = redirect_read((struct slice){exact, len}, &to);
    ck_assert(is_turn == (to.turn != TURN_NONE));
    bytes_printf(&shown, "%s", turns[to.turn]);
    if (to.turn == TURN_MOVED || to.turn == TURN_ASK)
        bytes_printf(&shown, " %u '%.*s' %d", to.slot, (int)to.host.len, to.host.data, to.port);
    free(exact);
    return shown;
}

START_TEST(redirect_is_read) {
    static const struct {
        const char *error, *wanted;
    } rows[] = {
        {"MOVED 8579 10.0.0.1:6379", "moved 8579 '10.0.0.1' 6379"},
        {"MOVED 0 redis-1.example.org:65535", "moved 0 'redis-1.example.org' 65535"},
        {"MOVED 16383 [::1]:6379", "moved 16383 '::1' 6379"},
        {"MOVED 16383 2001:db8::1:6379", "moved 16383 '2001:db8::1' 6379"},
        {"MOVED 1 :6379", "moved 1 '' 6379"},
        {"MOVED 1 ?:6379", "moved 1 '?' 6379"},
        {"ASK 8579 h:1", "ask 8579 'h' 1"},
        {"TRYAGAIN Multiple keys request during rehashing of slot", "tryagain"},
        {"CLUSTERDOWN Hash slot not served", "clusterdown"},
        {"CLUSTERDOWN", "clusterdown"},
        {"READONLY You can't write against a read only replica.", "readonly"},
        {"LOADING Redis is loading the dataset in memory", "loading"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bytes shown = read_redirect(rows[i].error);
        check_text(rows[i].error, &shown, rows[i].wanted);
    }
}
END_TEST

START_TEST(redirect_that_no_server_writes_is_none) {
    static const char *const errors[] = {
        "",
        "MOVED",
        "MOVED ",
        "MOVED 1",
        "MOVED 1 ",
        "MOVED 1 h",
        "MOVED 1 h:",
        "MOVED 1 h:0",
        "MOVED 1 h:65536",
        "MOVED 1 h:06379",
        "MOVED 1 h:6379 more",
        "MOVED 1 h\x7f:6379",
        "MOVED 1  h:6379",
        "MOVED 16384 h:6379",
        "MOVED -1 h:6379",
        "MOVED x h:6379",
        "MOVED h:6379",
        "MOVEDX 1 h:6379",
        "moved 1 h:6379",
        "ASK",
        "ASKING 1 h:6379",
        "TRYAGAINX",
        "ERR MOVED 1 h:6379",
        "WRONGTYPE Operation",
    };
    for (size_t i = 0; i < COUNT(errors); i++) {
        struct bytes shown = read_redirect(errors[i]);
        check_text(errors[i], &shown, "none");
    }
}
END_TEST

START_TEST(redirect_takes_hosts_of_255_bytes_and_no_longer) {
    struct bytes error = {0};
    struct redirect to;
    bytes_printf(&error, "MOVED 16383 %0255d:65535", 0);
    ck_assert_uint_le(error.len, REDIRECT_LONGEST);
    ck_assert(redirect_read(bytes_slice(&error), &to));
    ck_assert_uint_eq(to.host.len, 255);
    error.len = 0;
    bytes_printf(&error, "MOVED 16383 %0256d:65535", 0);
    ck_assert(!redirect_read(bytes_slice(&error), &to));
    bytes_deinit(&error);
}
END_TEST

// --- CLUSTER SLOTS ----------------------------------------------------------------------------

struct table {
    struct slots_reply reply;
    struct bytes shown; // "FIRST-LAST HOST PORT ID IP\n" for each range
    bool is_good;
};

static void take(void *owner, const struct slots_range *range) {
    static const char *const kinds[] = {"", "asked", "unknown"};
    struct table *t = owner;
    bytes_printf(&t->shown, "%u-%u %s%.*s %d %.*s %.*s\n", range->first, range->last,
                 kinds[range->kind], (int)range->host.len, range->host.data, range->port,
                 (int)range->id.len, range->id.data, (int)range->ip.len, range->ip.data);
}

static void on_event(void *owner, const struct event *e) {
    slots_reply_event(&((struct table *)owner)->reply, e);
}

static bool on_reply(void *owner) {
    struct table *t = owner;
    t->is_good = slots_reply_end(&t->reply);
    return true;
}

// What was taken, and "wrong" behind it when the answer was malformed.
static struct bytes read_slots(struct slice answer, size_t piece) {
    struct table t = {0};
    struct resp *resp = resp_new((struct resp_handler){on_event, on_reply, &t});
    slots_reply_begin(&t.reply, take, &t);
    for (size_t at = 0; at < answer.len; at += piece) {
        size_t len = answer.len - at < piece ? answer.len - at : piece;
        char *exact = copy_exactly(answer.data + at, len);
        ck_assert_ptr_null(resp_feed(resp, exact, len));
        free(exact);
    }
    resp_free(resp);
    if (!t.is_good)
        bytes_append_literal(&t.shown, "wrong");
    return t.shown;
}

#define ID         "$40\r\n0123456789012345678901234567890123456789\r\n"
#define SHOWN_ID   "0123456789012345678901234567890123456789"
#define NODE(host) "*4\r\n" host ":7000\r\n" ID "*0\r\n"
#define NAMED      "$1\r\nh\r\n"

struct slots_row {
    const char *answer, *wanted;
};

static void check_slots(const struct slots_row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct slice answer = slice_of(rows[i].answer);
        struct bytes whole = read_slots(answer, answer.len), bytewise = read_slots(answer, 1);
        check_text(rows[i].answer, &whole, rows[i].wanted);
        check_text(rows[i].answer, &bytewise, rows[i].wanted);
    }
}

START_TEST(slots_are_read) {
    static const struct slots_row rows[] = {
        // Redis 6: no metadata; the second server of a range is a replica.
        {"*2\r\n*4\r\n:0\r\n:5460\r\n*3\r\n$9\r\n127.0.0.1\r\n:7000\r\n" ID
         "*3\r\n$9\r\n127.0.0.9\r\n:7009\r\n" ID
         "*3\r\n:5461\r\n:16383\r\n*3\r\n$3\r\n::1\r\n:7001\r\n" ID,
         "0-5460 127.0.0.1 7000 " SHOWN_ID " \n5461-16383 ::1 7001 " SHOWN_ID " \n"},
        // Redis 7 and Valkey: metadata.
        {"*1\r\n*4\r\n:0\r\n:0\r\n*4\r\n$1\r\nh\r\n:7000\r\n" ID
         "*4\r\n$1\r\nx\r\n$1\r\ny\r\n$2\r\nip\r\n$8\r\n10.0.0.1\r\n"
         "*4\r\n$1\r\ng\r\n:7001\r\n" ID "*2\r\n$2\r\nip\r\n$8\r\n10.0.0.2\r\n",
         "0-0 h 7000 " SHOWN_ID " 10.0.0.1\n"},
        {"*1\r\n*3\r\n:1\r\n:2\r\n*4\r\n$-1\r\n:7000\r\n" ID "*2\r\n$8\r\nhostname\r\n$2\r\nip\r\n",
         "1-2 asked 7000 " SHOWN_ID " \n"},
        {"*1\r\n*3\r\n:1\r\n:2\r\n" NODE("$0\r\n\r\n"), "1-2 asked 7000 " SHOWN_ID " \n"},
        {"*1\r\n*3\r\n:1\r\n:2\r\n" NODE("$1\r\n?\r\n"), "1-2 unknown 7000 " SHOWN_ID " \n"},
        // Before Redis 4: no id.
        {"*1\r\n*3\r\n:1\r\n:2\r\n*2\r\n" NAMED ":7000\r\n", "1-2 h 7000  \n"},
        // No port for clients of this kind.
        {"*2\r\n*3\r\n:1\r\n:2\r\n*2\r\n" NAMED ":0\r\n*3\r\n:3\r\n:3\r\n*2\r\n" NAMED ":1\r\n",
         "3-3 h 1  \n"},
        {"*0\r\n", ""},
    };
    check_slots(rows, COUNT(rows));
}
END_TEST

START_TEST(slots_that_are_malformed_are_wrong) {
    static const struct slots_row rows[] = {
        {"$-1\r\n", "wrong"},
        {"+OK\r\n", "wrong"},
        {"-ERR This instance has cluster support disabled\r\n", "wrong"},
        {"*1\r\n:1\r\n", "wrong"},
        {"*1\r\n*0\r\n", "wrong"},
        {"*1\r\n*2\r\n:1\r\n:2\r\n", "wrong"},
        {"*1\r\n*3\r\n:2\r\n:1\r\n" NODE(NAMED), "wrong"},
        {"*1\r\n*3\r\n:0\r\n:16384\r\n" NODE(NAMED), "wrong"},
        {"*1\r\n*3\r\n:-1\r\n:1\r\n" NODE(NAMED), "wrong"},
        {"*1\r\n*3\r\n$1\r\n0\r\n:1\r\n" NODE(NAMED), "wrong"},
        {"*1\r\n*3\r\n:0\r\n:1\r\n:2\r\n", "wrong"},
        {"*1\r\n*3\r\n:0\r\n:1\r\n*1\r\n" NAMED, "wrong"},
        {"*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n" NAMED ":65536\r\n", "wrong"},
        {"*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n" NAMED NAMED, "wrong"},
        {"*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n:1\r\n:1\r\n", "wrong"},
        {"*1\r\n*3\r\n:0\r\n:1\r\n*3\r\n" NAMED ":1\r\n:1\r\n", "wrong"},
        {"*1\r\n*3\r\n:0\r\n:1\r\n*3\r\n" NAMED ":1\r\n$41\r\n0" SHOWN_ID "\r\n", "wrong"},
        // A slot of two servers: what came before was taken.
        {"*2\r\n*3\r\n:0\r\n:16383\r\n" NODE(NAMED) "*3\r\n:5\r\n:5\r\n" NODE(NAMED),
         "0-16383 h 7000 " SHOWN_ID " \nwrong"},
        {"*2\r\n*3\r\n:0\r\n:1\r\n" NODE(NAMED) "-ERR\r\n", "wrong"},
    };
    check_slots(rows, COUNT(rows));
}
END_TEST

START_TEST(slots_of_long_hosts_are_wrong) {
    for (size_t len = 255; len <= 256; len++) {
        struct bytes answer = {0};
        bytes_printf(&answer, "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$%zu\r\n%0*d\r\n:7000\r\n", len,
                     (int)len, 0);
        struct bytes shown = read_slots(bytes_slice(&answer), answer.len);
        ck_assert((shown.len > 255) == (len == 255));
        ck_assert(slice_equal(bytes_slice(&shown), SLICE("wrong")) == (len == 256));
        bytes_deinit(&shown);
        bytes_deinit(&answer);
    }
}
END_TEST

START_TEST(slots_of_more_ranges_than_there_are_slots_are_wrong_after_as_many) {
    struct bytes answer = {0};
    bytes_append_literal(&answer, "*20000\r\n");
    for (int i = 0; i < 20000; i++)
        bytes_printf(&answer, "*3\r\n:%d\r\n:%d\r\n*2\r\n$1\r\nh\r\n:1\r\n", i % HASH_SLOTS,
                     i % HASH_SLOTS);
    struct table t = {0};
    struct resp *resp = resp_new((struct resp_handler){on_event, on_reply, &t});
    slots_reply_begin(&t.reply, take, &t);
    ck_assert_ptr_null(resp_feed(resp, answer.data, answer.len));
    ck_assert(!t.is_good);
    ck_assert_uint_eq(t.reply.ranges, HASH_SLOTS);
    resp_free(resp);
    bytes_deinit(&t.shown);
    bytes_deinit(&answer);
}
END_TEST

// --- CLUSTER INFO -----------------------------------------------------------------------------

START_TEST(cluster_info_is_read) {
    static const struct {
        const char *text;
        bool is_good, is_ok;
        uint64_t epoch;
    } rows[] = {
        {"cluster_state:ok\r\ncluster_slots_assigned:16384\r\ncluster_current_epoch:6\r\n"
         "cluster_my_epoch:2\r\n",
         true, true, 6},
        {"cluster_state:fail\r\ncluster_current_epoch:18446744073709551615\r\n", true, false,
         UINT64_MAX},
        {"cluster_current_epoch:3\ncluster_state:ok", true, true, 3},
        {"cluster_state:ok\r\n", true, true, 0},
        {"cluster_state:okay\r\ncluster_current_epoch:x\r\n", true, false, 0},
        {"my_cluster_state:ok\r\ncluster_current_epoch:6\r\n", false, false, 6},
        {"\r\n\n", false, false, 0},
        {"", false, false, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct cluster_info info;
        size_t len = strlen(rows[i].text);
        char *exact = copy_exactly(rows[i].text, len);
        bool is_good = cluster_info_read((struct slice){exact, len}, &info);
        free(exact);
        ck_assert_msg(is_good == rows[i].is_good, "%s", rows[i].text);
        ck_assert_msg(info.is_ok == rows[i].is_ok, "%s", rows[i].text);
        ck_assert_uint_eq(info.epoch, rows[i].epoch);
    }
}
END_TEST

int main(void) {
    return RUN_TESTS(
        "cluster_words", slot_is_that_of_redis_wherever_prefix_and_key_meet,
        slot_is_decided_by_a_prefix_with_a_whole_tag, redirect_is_read,
        redirect_that_no_server_writes_is_none, redirect_takes_hosts_of_255_bytes_and_no_longer,
        slots_are_read, slots_that_are_malformed_are_wrong, slots_of_long_hosts_are_wrong,
        slots_of_more_ranges_than_there_are_slots_are_wrong_after_as_many, cluster_info_is_read);
}
