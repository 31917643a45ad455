// The text that a script is sent as: what stands before the script, and that nothing but the script
// depends on the client. That the text does what it should is tested with Redis
// (scenario_scripts.py, scenario_script_escapes.py).
#include "helpers.h"
#include "protocol/number.h"
#include "protocol/redis/wrapper.h"

static bool allows_all(const void *owner, struct slice command) {
    (void)owner;
    (void)command;
    return true;
}

static bool allows_get(const void *owner, struct slice command) {
    (void)owner;
    return slice_equal(command, SLICE("get"));
}

static struct wrapper_terms usual_terms(void) {
    return (struct wrapper_terms){.name = SLICE("sessions"),
                                  .prefix = SLICE("sess:"),
                                  .ttl_ms = 7200000,
                                  .max_ttl_ms = 86400000,
                                  .max_key = 1024,
                                  .max_value = 1048576,
                                  .allows = allows_all};
}

// Returns the script in its wrapper, with a zero byte at the end.
static struct bytes wrapped(const struct wrapper_terms *terms, struct slice script) {
    struct wrapper wrapper;
    struct bytes text = {0};
    wrapper_init(&wrapper, terms);
    wrapper_append(&wrapper, &text, script);
    wrapper_deinit(&wrapper);
    bytes_append(&text, "", 1);
    return text;
}

static void check_holds(const struct wrapper_terms *terms, const char *script, const char *part,
                        bool is_there) {
    struct bytes text = wrapped(terms, slice_of(script));
    if (!!strstr(text.data, part) != is_there)
        ck_abort_msg("'%s' is %s in:\n%s", part, is_there ? "not" : "", text.data);
    bytes_deinit(&text);
}

START_TEST(the_wrapper_is_one_line_and_the_script_its_end) {
    struct wrapper_terms terms = usual_terms();
    struct slice script = SLICE("\nreturn 1\n-- the end");
    struct bytes text = wrapped(&terms, script);
    const char *end = strchr(text.data, '\n');
    ck_assert_str_eq(end, script.data);
    ck_assert_int_eq(end[-1], ' ');
    ck_assert(!strstr(text.data, "--  "));
    bytes_deinit(&text);
}
END_TEST

START_TEST(the_first_line_with_flags_stays_the_first) {
    struct wrapper_terms terms = usual_terms();
    struct bytes text = wrapped(&terms, SLICE("#!lua flags=no-writes\nreturn 1"));
    ck_assert(slice_begins(bytes_slice(&text), SLICE("#!lua flags=no-writes\nlocal redis,")));
    ck_assert_str_eq(text.data + text.len - 9, "return 1");
    bytes_deinit(&text);
    text = wrapped(&terms, SLICE("#!lua"));
    ck_assert_str_eq(text.data, "#!lua");
    bytes_deinit(&text);
}
END_TEST

START_TEST(values_stand_in_the_place_of_their_words) {
    static const char *const words[] = {"PREFIX",  "SIZE",     "BOUND",   "GLOB",     "TTL ",
                                        "MOST",    "REJECT",   "MAX_KEY", "CODES",    "FOREIGN",
                                        "REFUSED", "TOO_LONG", "NO_TEXT", "MAX_VALUE"};
    struct wrapper_terms terms = usual_terms();
    for (size_t i = 0; i < COUNT(words); i++)
        check_holds(&terms, "", words[i], false);
    check_holds(&terms, "", "\"sess:\"", true);
    check_holds(&terms, "", "ask('PEXPIRE', key, 7200000, 'NX')", true);
    check_holds(&terms, "", "max_ttl of namespace", false);
    terms.rejects_ttl = true;
    check_holds(&terms, "", "\"POLICY ttl is too long: max_ttl of namespace 'sessions' is 1d\"",
                true);
    terms.ttl_ms = terms.max_ttl_ms = DURATION_FOREVER;
    check_holds(&terms, "", "if nil and key ~= settled", true);
    check_holds(&terms, "", "<= math.huge", true);
}
END_TEST

START_TEST(a_ttl_that_each_run_brings_is_taken_off_its_arguments) {
    struct wrapper_terms terms = usual_terms();
    terms.brings_ttl = true;
    check_holds(&terms, "", "local ttl=ARGV[#ARGV] ARGV[#ARGV]=nil ", true);
    check_holds(&terms, "", "ask('PEXPIRE', key, ttl, 'NX')", true);
    check_holds(&terms, "", "7200000", false);
}
END_TEST

START_TEST(any_prefix_is_a_string_in_one_line) {
    struct wrapper_terms terms = usual_terms();
    terms.prefix = SLICE("a\"b\\c\n*\xff:");
    check_holds(&terms, "", "\"a\\034b\\092c\\010*\\255:\"", true);
    check_holds(&terms, "", "\"a\\034b\\092\\092c\\010\\092*\\255:\"", true); // for SCAN
}
END_TEST

START_TEST(only_allowed_commands_have_a_code) {
    struct wrapper_terms terms = usual_terms();
    check_holds(&terms, "", " get=1 ", true);
    check_holds(&terms, "", " set=6 ", true);
    check_holds(&terms, "", " select=", false);
    terms.allows = allows_get;
    check_holds(&terms, "", "\" get=1 \"", true);
}
END_TEST

START_TEST(commands_that_the_script_mentions_need_not_be_searched_for) {
    struct wrapper_terms terms = usual_terms();
    check_holds(&terms, "redis.call('get', \"Set\", 'GET', 'get', 'nothing', 'sort', get)",
                "local KNOWN={get=1,Set=6,GET=1,sort=\"t\",} ", true);
    check_holds(&terms, "'", "local KNOWN={} ", true);
    check_holds(&terms, "'get", "local KNOWN={get=1,} ", true);
    terms.allows = allows_get;
    check_holds(&terms, "redis.call('get') redis.call('set')", "local KNOWN={get=1,} ", true);
}
END_TEST

START_TEST(what_scripts_share_has_a_stand_in_where_it_is_named) {
    struct wrapper_terms terms = usual_terms();
    check_holds(&terms, "return 1", "getmetatable=", false);
    check_holds(&terms, "return 1", "cjson", false);
    check_holds(&terms, "return getmetatable('')", "local getmetatable=", true);
    check_holds(&terms, "return cjson.encode(1)", "local cjson={encode=", true);
    check_holds(&terms, "cjson.encode_max_depth(1)", "local cjson=cjson.new() ", true);
    check_holds(&terms, "", "_G,load,loadstring,loadfile,dofile,getfenv,setfenv", true);
}
END_TEST

int main(void) {
    return RUN_TESTS("wrapper", the_wrapper_is_one_line_and_the_script_its_end,
                     the_first_line_with_flags_stays_the_first,
                     values_stand_in_the_place_of_their_words,
                     a_ttl_that_each_run_brings_is_taken_off_its_arguments,
                     any_prefix_is_a_string_in_one_line, only_allowed_commands_have_a_code,
                     commands_that_the_script_mentions_need_not_be_searched_for,
                     what_scripts_share_has_a_stand_in_where_it_is_named);
}
