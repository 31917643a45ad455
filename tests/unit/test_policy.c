// Policy: which requests a namespace lets pass, and the ttl that they get.
#include "daemon/policy/policy.h"

#include <math.h>

#include "configuration.h"
#include "daemon/backend/backend.h"
#include "protocol/mem.h"

enum { S = 1000, M = 60 * S, H = 60 * M };

static struct policy *policy;
static const struct namespace *namespace;
static struct sample sample;
static struct call call;
static struct refusal refusal;
static size_t backends_let_go;

// Of the room above: nothing here has a living backend.
void backend_unref(struct backend *b) {
    (void)b;
    backends_let_go++;
}

static void drop_policy(void) {
    if (policy && policy->refs > 0)
        policy_unref(policy);
    policy = NULL;
}

// The namespace `n`, with its prefix "n:" and these options.
static void configure(const char *options) {
    struct bytes text = {0};
    drop_policy();
    bytes_printf(&text, "[backend main]\nurl = redis://127.0.0.1\n[namespace n]\n%s", options);
    bytes_append(&text, "", 1);
    policy = policy_new(load_good(text.data, NULL), table);
    policy->namespaces[0].stats = namespace_stats_ref(NULL);
    namespace = policy_namespace(policy, SLICE("n"));
    bytes_deinit(&text);
}

static void end_policy(void) {
    drop_policy();
    refusal_deinit(&refusal);
    end();
}

static bool admit_with(const char *text, struct random *random) {
    sample = sample_of(text);
    const struct verb_entry *entry = read_sample(table, &sample, TTL_KEEP, &call);
    call.ttl_ms = 0;
    call.ttl_reason = TTL_DEFAULT;
    return policy_admit(namespace, entry, &call, random, &refusal);
}

static bool admit(const char *text) { return admit_with(text, NULL); }

static void check_refused(const char *text, enum refusal_reason reason, const char *wanted) {
    ck_assert_msg(!admit(text), "%s is not refused", text);
    ck_assert_int_eq(refusal.code, REPLY_POLICY);
    ck_assert_int_eq(refusal.reason, reason);
    check_same(text, bytes_slice(&refusal.text), slice_of(wanted));
}

static void check_ttl(const char *text, enum ttl_rule rule, int64_t ttl_ms,
                      enum ttl_reason reason) {
    ck_assert_msg(admit(text), "%s is refused", text);
    ck_assert_int_eq(call.ttl_rule, rule);
    ck_assert_int_eq(call.ttl_ms, ttl_ms);
    ck_assert_int_eq(call.ttl_reason, reason);
}

// --- ttl --------------------------------------------------------------------------------------

START_TEST(a_write_gets_the_ttl_of_its_namespace) {
    configure("ttl = 1h\n");
    check_ttl("key.set n k v", TTL_SET, H, TTL_DEFAULT);
    check_same("px", call.ttl_px, SLICE("$2\r\nPX\r\n$7\r\n3600000\r\n"));
}
END_TEST

START_TEST(a_write_gets_the_ttl_that_it_asks_for) {
    configure("ttl = 1h\nmax_ttl = 2h\n");
    check_ttl("key.set ttl=90s n k v", TTL_SET, 90 * S, TTL_ASKED);
    ck_assert_uint_eq(call.ttl_px.len, 0);
    check_ttl("key.set ttl=2h n k v", TTL_SET, 2 * H, TTL_ASKED);
    check_ttl("key.set ttl=1ms n k v", TTL_SET, 1, TTL_ASKED);
}
END_TEST

START_TEST(a_ttl_beyond_max_ttl_is_clamped) {
    configure("ttl = 1h\nmax_ttl = 2h\n");
    check_ttl("key.set ttl=7200001ms n k v", TTL_SET, 2 * H, TTL_CLAMPED);
    check_ttl("key.set ttl=forever n k v", TTL_SET, 2 * H, TTL_CLAMPED);
}
END_TEST

START_TEST(max_ttl_is_the_ttl_unless_it_is_given) {
    configure("ttl = 1h\n");
    check_ttl("key.set ttl=3600001ms n k v", TTL_SET, H, TTL_CLAMPED);
}
END_TEST

START_TEST(a_ttl_beyond_max_ttl_is_refused_where_over_ttl_says_so) {
    configure("ttl = 1h\nmax_ttl = 2h\nover_ttl = reject\n");
    check_ttl("key.set ttl=2h n k v", TTL_SET, 2 * H, TTL_ASKED);
    check_refused("key.set ttl=7200001ms n k v", REFUSED_TTL,
                  "ttl is too long: max_ttl of namespace 'n' is 2h");
    check_refused("key.set ttl=forever n k v", REFUSED_TTL,
                  "ttl is too long: max_ttl of namespace 'n' is 2h");
}
END_TEST

START_TEST(forever_takes_the_ttl_away) {
    configure("ttl = forever\n");
    check_ttl("key.set n k v", TTL_PERSIST, 0, TTL_DEFAULT);
    check_ttl("dict.set n k f v", TTL_PERSIST, 0, TTL_DEFAULT);
    check_ttl("key.set ttl=5s n k v", TTL_SET, 5 * S, TTL_ASKED);
    check_ttl("key.set ttl=forever n k v", TTL_PERSIST, 0, TTL_ASKED);
}
END_TEST

START_TEST(sliding_restarts_the_ttl_with_each_write) {
    configure("ttl = 1h\nttl_mode = sliding\n");
    check_ttl("dict.set n k f v", TTL_SET, H, TTL_DEFAULT);
}
END_TEST

START_TEST(fixed_counts_from_the_first_write_of_a_key) {
    configure("ttl = 1h\nttl_mode = fixed\n");
    check_ttl("dict.set n k f v", TTL_SET_IF_NONE, H, TTL_DEFAULT);
    check_ttl("dict.set ttl=5s n k f v", TTL_SET_IF_NONE, 5 * S, TTL_ASKED);
    check_ttl("key.set n k v", TTL_SET, H, TTL_DEFAULT);
    check_ttl("touch ttl=5s n k", TTL_SET, 5 * S, TTL_ASKED);
}
END_TEST

START_TEST(fixed_leaves_a_key_that_is_there_for_ever) {
    configure("ttl = forever\nttl_mode = fixed\n");
    check_ttl("dict.set n k f v", TTL_KEEP, 0, TTL_DEFAULT);
    check_ttl("key.set n k v", TTL_PERSIST, 0, TTL_DEFAULT);
}
END_TEST

START_TEST(reads_and_what_leaves_no_key_get_no_ttl) {
    configure("ttl = 1h\nmax_ttl = 2h\nover_ttl = reject\n");
    check_ttl("key.get n k", TTL_KEEP, 0, TTL_DEFAULT);
    check_ttl("del n k", TTL_KEEP, 0, TTL_DEFAULT);
    check_ttl("key.take n k", TTL_KEEP, 0, TTL_DEFAULT);
}
END_TEST

// --- jitter -----------------------------------------------------------------------------------

START_TEST(jitter_shortens_by_a_random_share_up_to_its_own) {
    bool seen[101] = {false};
    struct random random = {42};
    configure("ttl = 100ms\njitter = 10%\n");
    for (int i = 0; i < 1000; i++) {
        ck_assert(admit_with("key.set n k v", &random));
        ck_assert_int_ge(call.ttl_ms, 90);
        ck_assert_int_le(call.ttl_ms, 100);
        ck_assert_int_eq(call.ttl_reason, TTL_DEFAULT);
        ck_assert_uint_eq(call.ttl_px.len > 0, call.ttl_ms == 100);
        seen[call.ttl_ms] = true;
    }
    for (int i = 90; i <= 100; i++)
        ck_assert_msg(seen[i], "never %d ms", i);
}
END_TEST

START_TEST(jitter_is_what_the_random_number_says) {
    struct random random = {42}, same = {42};
    configure("ttl = 1h\nmax_ttl = 1d\njitter = 25%\n");
    ck_assert(admit_with("key.set n k v", &random));
    ck_assert_int_eq(call.ttl_ms, H - (int64_t)random_up_to(&same, H / 4));
    ck_assert(admit_with("key.set ttl=10h n k v", &random));
    ck_assert_int_eq(call.ttl_ms, 10 * H - (int64_t)random_up_to(&same, 10 * H / 4));
    ck_assert(admit_with("key.set ttl=9d n k v", &random));
    ck_assert_int_eq(call.ttl_ms, 24 * H - (int64_t)random_up_to(&same, 24 * H / 4));
    ck_assert_int_eq(call.ttl_reason, TTL_CLAMPED);
}
END_TEST

START_TEST(jitter_leaves_a_millisecond) {
    struct random random = {42};
    configure("ttl = 2ms\njitter = 100%\n");
    for (int i = 0; i < 100; i++) {
        ck_assert(admit_with("key.set n k v", &random));
        ck_assert_int_ge(call.ttl_ms, 1);
    }
}
END_TEST

START_TEST(jitter_does_not_touch_forever_nor_who_asks_without_random) {
    struct random random = {42};
    configure("ttl = 1h\nmax_ttl = forever\njitter = 50%\n");
    ck_assert(admit_with("key.set ttl=forever n k v", &random));
    ck_assert_int_eq(call.ttl_rule, TTL_PERSIST);
    ck_assert_uint_eq(random.state, 42);
    check_ttl("key.set n k v", TTL_SET, H, TTL_DEFAULT);
}
END_TEST

// --- refusals ---------------------------------------------------------------------------------

START_TEST(a_collection_that_the_namespace_does_not_hold_is_refused) {
    configure("collections = key\n");
    ck_assert(admit("key.get n k"));
    ck_assert(admit("del n k")); // of any collection
    check_refused("dict.get n k f", REFUSED_COLLECTION,
                  "namespace 'n' does not hold this collection: dict.get");
}
END_TEST

START_TEST(a_denied_verb_is_refused) {
    configure("deny = key.set, touch\n");
    ck_assert(admit("key.add n k v"));
    check_refused("key.set n k v", REFUSED_VERB, "namespace 'n' denies this verb: key.set");
    check_refused("touch n k", REFUSED_VERB, "namespace 'n' denies this verb: touch");
}
END_TEST

START_TEST(a_read_only_namespace_refuses_every_write) {
    configure("readonly = yes\n");
    ck_assert(admit("key.get n k"));
    check_refused("key.set n k v", REFUSED_READONLY, "namespace 'n' is read-only: key.set");
    check_refused("del n k", REFUSED_READONLY, "namespace 'n' is read-only: del");
}
END_TEST

START_TEST(a_key_may_have_max_key_bytes_with_its_prefix) {
    configure("max_key = 5\n");
    ck_assert(admit("key.get n abc"));
    check_refused("key.get n abcd", REFUSED_KEY,
                  "key of 6 bytes is too long: max_key of namespace 'n' is 5");
    check_refused("key.set n abcd v", REFUSED_KEY,
                  "key of 6 bytes is too long: max_key of namespace 'n' is 5");
}
END_TEST

START_TEST(each_key_of_many_is_looked_at) {
    configure("max_key = 5\n");
    ck_assert(admit("key.mget n a b c"));
    check_refused("key.mget n a b abcdef", REFUSED_KEY,
                  "key of 8 bytes is too long: max_key of namespace 'n' is 5");
    check_refused("del n a abcd", REFUSED_KEY,
                  "key of 6 bytes is too long: max_key of namespace 'n' is 5");
}
END_TEST

START_TEST(a_value_a_field_and_a_member_may_have_max_value_bytes) {
    configure("max_value = 4\n");
    ck_assert(admit("key.set n longer 1234"));
    ck_assert(admit("dict.set n longer 1234 1234"));
    check_refused("key.set n k 12345", REFUSED_VALUE,
                  "value of 5 bytes is too long: max_value of namespace 'n' is 4");
    check_refused("dict.set n k f v 12345 v", REFUSED_VALUE,
                  "value of 5 bytes is too long: max_value of namespace 'n' is 4");
    check_refused("dict.set n k f v f2 123456", REFUSED_VALUE,
                  "value of 6 bytes is too long: max_value of namespace 'n' is 4");
    check_refused("set.add n k m 12345", REFUSED_VALUE,
                  "value of 5 bytes is too long: max_value of namespace 'n' is 4");
}
END_TEST

START_TEST(a_read_stores_nothing_however_long_its_words_are) {
    configure("max_value = 4\nvalue = int\n");
    ck_assert(admit("dict.get n k a_field_that_is_long"));
    ck_assert(admit("set.has n k a_member_that_is_long"));
}
END_TEST

START_TEST(a_value_that_is_no_whole_number_is_refused_where_int_is_wanted) {
    configure("value = int\n");
    ck_assert(admit("key.set n k -9223372036854775808"));
    ck_assert(admit("dict.set n k field 12")); // the field may be anything
    check_refused("key.set n k 9223372036854775808", REFUSED_KIND,
                  "namespace 'n' takes a whole number of 64 bits as a value");
    check_refused("dict.set n k f 1 g x", REFUSED_KIND,
                  "namespace 'n' takes a whole number of 64 bits as a value");
}
END_TEST

START_TEST(a_value_that_is_no_json_is_refused_where_json_is_wanted) {
    configure("value = json\n");
    ck_assert(admit("key.set n k {\"a\":[1,null]}"));
    ck_assert_int_eq(call.json_bytes, 14);
    check_refused("key.set n k {\"a\":", REFUSED_KIND, "namespace 'n' takes JSON as a value");
    check_refused("dict.set n k f 1 g x", REFUSED_KIND, "namespace 'n' takes JSON as a value");
}
END_TEST

// Values beyond that limit are left to json_check.h, JSON or not.
START_TEST(json_is_looked_at_up_to_64_kb_of_a_request) {
    static char text[JSON_AT_ONCE + 64];
    configure("value = json\n");
    int start = sprintf(text, "key.set n k ");
    memset(text + start, 'x', JSON_AT_ONCE);
    check_refused(text, REFUSED_KIND, "namespace 'n' takes JSON as a value");
    text[start + JSON_AT_ONCE] = 'x';
    ck_assert(admit(text));
    ck_assert_int_eq(call.json_bytes, JSON_AT_ONCE + 1);
    start = sprintf(text, "dict.set n k f 1 g ");
    memset(text + start, 'x', JSON_AT_ONCE);
    text[start + JSON_AT_ONCE] = '\0';
    ck_assert(admit(text));
    ck_assert_int_eq(call.json_bytes, JSON_AT_ONCE + 1);
}
END_TEST

START_TEST(the_verb_is_refused_before_its_arguments_and_they_before_the_ttl) {
    configure("readonly = yes\nmax_key = 5\n");
    check_refused("key.set n abcdef v", REFUSED_READONLY, "namespace 'n' is read-only: key.set");
    configure("ttl = 1h\nover_ttl = reject\nmax_value = 1\n");
    check_refused("key.set ttl=2h n k 12", REFUSED_VALUE,
                  "value of 2 bytes is too long: max_value of namespace 'n' is 1");
}
END_TEST

// --- memo -------------------------------------------------------------------------------------

START_TEST(a_call_of_memo_is_told_what_its_namespace_says) {
    configure("ttl = 1h\nstale = 5m\nlease = 7s\nnull_ttl = 9s\n");
    ck_assert(admit("memo.get n k"));
    check_same("prefix", call.prefix, SLICE("n:"));
    ck_assert_int_eq(call.stale_ms, 5 * M);
    ck_assert_int_eq(call.lease_ms, 7 * S);
    ck_assert_int_eq(call.null_ttl_ms, 9 * S);
    ck_assert(call.early_factor == 0);
}
END_TEST

START_TEST(early_refresh_is_drawn_by_xfetch) {
    struct random random = {42}, same = {42};
    configure("ttl = 1h\nearly = 50\n");
    ck_assert(admit_with("memo.get n k", &random));
    double u = ((double)(random_next(&same) >> 11) + 1) * 0x1p-53;
    ck_assert(fabs(call.early_factor - -log(u) * 0.5) < 1e-12);
    ck_assert(call.early_factor > 0);
    ck_assert(admit("memo.get n k"));
    ck_assert(call.early_factor == 0);
}
END_TEST

// --- life -------------------------------------------------------------------------------------

static void on_free(void *owner) { ++*(int *)owner; }

START_TEST(a_policy_lives_as_long_as_somebody_refers_to_it) {
    int freed = 0;
    configure("");
    policy->on_free = on_free;
    policy->owner = &freed;
    struct namespace_stats *stats = namespace_stats_ref(namespace->stats); // as a reload shares it
    policy_ref(policy);
    policy_unref(policy);
    ck_assert_int_eq(freed, 0);
    ck_assert_uint_eq(backends_let_go, 0);
    policy_unref(policy);
    policy = NULL;
    ck_assert_int_eq(freed, 1);
    ck_assert_uint_eq(backends_let_go, 1);
    ck_assert_uint_eq(stats->refs, 1);
    mem_free(stats);
    policy_unref(NULL);
}
END_TEST

START_TEST(a_namespace_is_found_by_its_name) {
    configure("[namespace m]\n");
    policy->namespaces[1].stats = namespace_stats_ref(NULL);
    ck_assert_ptr_eq(policy_namespace(policy, SLICE("m")), &policy->namespaces[1]);
    ck_assert_str_eq(policy_namespace(policy, SLICE("m"))->conf->name, "m");
    ck_assert_ptr_null(policy_namespace(policy, SLICE("mm")));
    ck_assert_ptr_null(policy_namespace(policy, SLICE("")));
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND(
        "policy", begin, end_policy, a_write_gets_the_ttl_of_its_namespace,
        a_write_gets_the_ttl_that_it_asks_for, a_ttl_beyond_max_ttl_is_clamped,
        max_ttl_is_the_ttl_unless_it_is_given,
        a_ttl_beyond_max_ttl_is_refused_where_over_ttl_says_so, forever_takes_the_ttl_away,
        sliding_restarts_the_ttl_with_each_write, fixed_counts_from_the_first_write_of_a_key,
        fixed_leaves_a_key_that_is_there_for_ever, reads_and_what_leaves_no_key_get_no_ttl,
        jitter_shortens_by_a_random_share_up_to_its_own, jitter_is_what_the_random_number_says,
        jitter_leaves_a_millisecond, jitter_does_not_touch_forever_nor_who_asks_without_random,
        a_collection_that_the_namespace_does_not_hold_is_refused, a_denied_verb_is_refused,
        a_read_only_namespace_refuses_every_write, a_key_may_have_max_key_bytes_with_its_prefix,
        each_key_of_many_is_looked_at, a_value_a_field_and_a_member_may_have_max_value_bytes,
        a_read_stores_nothing_however_long_its_words_are,
        a_value_that_is_no_whole_number_is_refused_where_int_is_wanted,
        a_value_that_is_no_json_is_refused_where_json_is_wanted,
        json_is_looked_at_up_to_64_kb_of_a_request,
        the_verb_is_refused_before_its_arguments_and_they_before_the_ttl,
        a_call_of_memo_is_told_what_its_namespace_says, early_refresh_is_drawn_by_xfetch,
        a_policy_lives_as_long_as_somebody_refers_to_it, a_namespace_is_found_by_its_name);
}
