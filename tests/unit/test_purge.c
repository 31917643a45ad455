// Purge: the keys of one server, and of a cluster, whose hash slots may move meanwhile.
#include "daemon/request/purge.h"
#include "requests.h"

// --- a cluster: the key n:N lies at the node N ------------------------------------------------

enum { NODES = 3 };

static struct node nodes[NODES];
static struct backend_conn conns[NODES];
static bool is_listed[NODES];
static enum backend_room key_room; // of keys
static enum backend_room node_rooms[NODES];
static uint64_t turns;
static enum backend_health health;

enum backend_room node_room(const struct node *n, size_t most_output) {
    (void)most_output;
    return node_rooms[n - nodes];
}

static unsigned slot_of(struct split_key key) {
    return (unsigned)key.rest.data[key.rest.len - 1] - '0';
}

static struct backend_conn *pick_by_key(struct backend *b, unsigned hash_slot,
                                        enum backend_room *of) {
    (void)b;
    *of = key_room;
    return key_room == BACKEND_DOWN ? NULL : &conns[hash_slot];
}

static struct node *node_at(const struct backend *b, unsigned number) {
    (void)b;
    return is_listed[number] ? &nodes[number] : NULL;
}

static unsigned node_most(const struct backend *b) {
    (void)b;
    return NODES;
}

static uint64_t turns_of(const struct backend *b) {
    (void)b;
    return turns;
}

static void judge(const struct backend *b, struct backend_state *state) {
    (void)b;
    state->health = health;
}

static const struct route cluster = {.pick = pick_by_key,
                                     .node_at = node_at,
                                     .node_most = node_most,
                                     .turns = turns_of,
                                     .judge = judge};
static const struct route single = {
    .pick = pick_by_key, .node_at = node_at, .node_most = node_most};

static void begin_cluster(void) {
    begin_waits();
    context.loop.log.level = LOG_LEVEL_ERROR;
    backend.route = &cluster;
    backend.conn = NULL;
    backend.hash_slot_of = slot_of;
    key_room = BACKEND_ROOM;
    turns = 0;
    health = BACKEND_UNFIT;
    for (unsigned i = 0; i < NODES; i++) {
        conns[i].stream.flusher = &context.loop.flusher;
        nodes[i].conn = &conns[i];
        node_rooms[i] = BACKEND_ROOM;
        is_listed[i] = i < 2;
    }
}

static void begin_single(void) {
    backend.route = &single;
    backend.hash_slot_of = NULL;
    is_listed[1] = false;
}

static void end_cluster(void) {
    purge_cancel_all(&context);
    end_waits();
    backend.hash_slot_of = NULL;
    for (unsigned i = 0; i < NODES; i++)
        bytes_deinit(&conns[i].stream.out);
}

static void start_purge(void) {
    struct request *r = request_new(&peers[0].session);
    r->namespace = &context.policy->namespaces[0];
    r->entry = verb_find(table, SLICE("del"));
    purge_start(r);
}

static void fire(uv_handle_t *handle, void *unused) {
    (void)unused;
    if (handle->type != UV_TIMER || !uv_is_active(handle))
        return;
    uv_timer_stop((uv_timer_t *)handle);
    ((uv_timer_t *)handle)->timer_cb((uv_timer_t *)handle);
}

// The purge goes on.
static void go_on(void) { uv_walk(&context.loop.uv, fire, NULL); }

#define SCANNED(cursor, count) "*2\r\n$1\r\n" cursor "\r\n*" count "\r\n"
#define NO_KEYS                SCANNED("0", "0")
#define KEY(number)            "$3\r\nn:" number "\r\n"

// The node answers a SCAN, which must be the only command under way.
static void scanned(const char *scan, int node, const char *text) {
    go_on();
    check_unanswered(scan);
    ck_assert_ptr_eq(sent[answered_count].conn, &conns[node]);
    answer(text);
}

static void find_nothing(void) {
    for (int i = 0; i < NODES; i++)
        if (is_listed[i])
            scanned("SCAN 0", i, NO_KEYS);
}

// --- one server -------------------------------------------------------------------------------

START_TEST(one_server_is_scanned_once_and_keys_are_removed_together) {
    begin_single();
    start_purge();
    scanned("SCAN 0", 0, SCANNED("7", "2") KEY("0") KEY("1"));
    go_on();
    check_unanswered("UNLINK n:0");
    ck_assert_uint_eq(sent[answered_count].words, 3);
    answer(":2\r\n");
    scanned("SCAN 7", 0, NO_KEYS);
    check_reply(0, "");
    go_on();
    check_reply(0, ":2\r\n");
    ck_assert_uint_eq(stats()->purge_removed, 2);
    ck_assert_uint_eq(stats()->purging, 0);
}
END_TEST

// --- several servers --------------------------------------------------------------------------

START_TEST(each_server_is_scanned_to_its_end_until_a_pass_finds_nothing) {
    start_purge();
    scanned("SCAN 0", 0, SCANNED("7", "2") KEY("0") KEY("1"));
    go_on();
    check_unanswered("UNLINK n:0, UNLINK n:1");
    ck_assert_ptr_eq(sent[1].conn, &conns[0]);
    ck_assert_ptr_eq(sent[2].conn, &conns[1]);
    answer(":1\r\n");
    answer(":1\r\n");
    scanned("SCAN 7", 0, NO_KEYS);
    scanned("SCAN 0", 1, SCANNED("0", "1") KEY("1"));
    go_on();
    answer(":1\r\n");
    find_nothing(); // in a second pass
    check_reply(0, "");
    go_on();
    check_reply(0, ":3\r\n");
    check_unanswered("");
}
END_TEST

START_TEST(a_pass_during_which_slots_moved_is_repeated) {
    start_purge();
    scanned("SCAN 0", 0, NO_KEYS);
    turns++;
    scanned("SCAN 0", 1, NO_KEYS);
    find_nothing();
    go_on();
    check_reply(0, ":0\r\n");
}
END_TEST

START_TEST(there_are_five_passes_at_most) {
    start_purge();
    for (int i = 0; i < 5; i++) {
        find_nothing();
        turns++;
    }
    go_on();
    check_reply(0, ":0\r\n");
}
END_TEST

START_TEST(a_server_that_came_is_scanned_and_one_that_went_is_not) {
    start_purge();
    scanned("SCAN 0", 0, SCANNED("7", "0"));
    is_listed[0] = false;
    is_listed[2] = true;
    turns++;
    scanned("SCAN 0", 1, NO_KEYS);
    scanned("SCAN 0", 2, NO_KEYS);
    find_nothing();
    go_on();
    check_reply(0, ":0\r\n");
}
END_TEST

START_TEST(a_server_that_was_connected_anew_is_scanned_anew) {
    start_purge();
    scanned("SCAN 0", 0, SCANNED("7", "0"));
    nodes[0].connects++;
    scanned("SCAN 0", 0, SCANNED("7", "0"));
    go_on();
    check_unanswered("SCAN 7");
    lose();
    scanned("SCAN 0", 0, NO_KEYS);
    scanned("SCAN 0", 1, NO_KEYS);
    go_on();
    check_reply(0, ":0\r\n");
}
END_TEST

// --- room -------------------------------------------------------------------------------------

START_TEST(keys_whose_slot_is_on_the_move_wait) {
    start_purge();
    scanned("SCAN 0", 0, SCANNED("0", "2") KEY("0") KEY("1"));
    key_room = BACKEND_TURNING;
    for (int i = 0; i < 100; i++)
        go_on();
    check_unanswered("");
    key_room = BACKEND_ROOM;
    go_on();
    check_unanswered("UNLINK n:0, UNLINK n:1");
}
END_TEST

START_TEST(a_full_server_waits) {
    node_rooms[0] = BACKEND_FULL;
    start_purge();
    for (int i = 0; i < 100; i++)
        go_on();
    check_unanswered("");
    node_rooms[0] = BACKEND_ROOM;
    scanned("SCAN 0", 0, NO_KEYS);
}
END_TEST

START_TEST(without_a_server_it_is_given_up_at_last) {
    is_listed[0] = is_listed[1] = false;
    start_purge();
    for (int i = 0; i < 49; i++)
        go_on();
    check_reply(0, "");
    go_on();
    check_reply(0, "-UNAVAILABLE the purge stopped: its backend is down: 0 keys were removed\r\n");
}
END_TEST

// The keys may be back later.
START_TEST(it_does_not_end_well_while_some_slots_have_no_server) {
    health = BACKEND_PARTLY;
    start_purge();
    find_nothing();
    for (int i = 0; i < 10; i++)
        go_on();
    check_unanswered("");
    health = BACKEND_WELL;
    turns++;
    find_nothing();
    health = BACKEND_PARTLY;
    for (int i = 0; i < 50; i++)
        go_on();
    check_reply(0, "-UNAVAILABLE the purge stopped: some keys have no server: "
                   "0 keys were removed\r\n");
}
END_TEST

START_TEST(many_keys_are_removed_in_small_steps) {
    struct bytes found = {0};
    bytes_printf(&found, "*2\r\n$1\r\n0\r\n*500\r\n");
    for (int i = 0; i < 500; i++)
        bytes_append_literal(&found, "$3\r\nn:0\r\n");
    bytes_append(&found, "", 1);
    start_purge();
    scanned("SCAN 0", 0, found.data);
    for (size_t left = 500; left > 0;) {
        go_on();
        size_t count = sent_count - answered_count;
        ck_assert_uint_eq(count, left < 200 ? left : 200);
        for (size_t i = 0; i < count; i++)
            answer(":0\r\n");
        left -= count;
    }
    scanned("SCAN 0", 1, NO_KEYS);
    go_on();
    check_reply(0, ":0\r\n");
    bytes_deinit(&found);
}
END_TEST

// --- failures ---------------------------------------------------------------------------------

START_TEST(a_key_that_may_be_left_has_its_server_scanned_anew_when_all_are_answered) {
    start_purge();
    scanned("SCAN 0", 0, SCANNED("7", "2") KEY("0") KEY("1"));
    go_on();
    struct slot *late = sent[1].slot;
    late->owner->failed(late, SLOT_TIMEOUT);
    go_on();
    check_unanswered("UNLINK n:0, UNLINK n:1");
    answer_slot(take(2), ":1\r\n");
    go_on();
    check_unanswered("UNLINK n:0, SCAN 0");
    answer_slot(take(1), ":1\r\n"); // to nobody
    answer(NO_KEYS);
    ck_assert_uint_eq(stats()->purge_removed, 1);
}
END_TEST

START_TEST(it_may_be_given_up_while_anything_is_under_way) {
    start_purge();
    scanned("SCAN 0", 0, SCANNED("7", "2") KEY("0") KEY("1"));
    go_on();
    answer(":1\r\n");
    purge_cancel_all(&context);
    check_reply(0, "-LOST the purge stopped: the daemon is ending: 1 keys were removed\r\n");
    answer(":1\r\n");
    ck_assert_uint_eq(stats()->purge_removed, 1);
}
END_TEST

START_TEST(an_answer_that_no_redis_gives_ends_it) {
    start_purge();
    scanned("SCAN 0", 0, SCANNED("0", "1") KEY("0"));
    go_on();
    answer(":2\r\n");
    check_reply(0, "-INTERNAL the purge stopped: its backend answered as no Redis does: "
                   "0 keys were removed\r\n");
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND(
        "purge", begin_cluster, end_cluster,
        one_server_is_scanned_once_and_keys_are_removed_together,
        each_server_is_scanned_to_its_end_until_a_pass_finds_nothing,
        a_pass_during_which_slots_moved_is_repeated, there_are_five_passes_at_most,
        a_server_that_came_is_scanned_and_one_that_went_is_not,
        a_server_that_was_connected_anew_is_scanned_anew, keys_whose_slot_is_on_the_move_wait,
        a_full_server_waits, without_a_server_it_is_given_up_at_last,
        it_does_not_end_well_while_some_slots_have_no_server, many_keys_are_removed_in_small_steps,
        a_key_that_may_be_left_has_its_server_scanned_anew_when_all_are_answered,
        it_may_be_given_up_while_anything_is_under_way, an_answer_that_no_redis_gives_ends_it);
}
