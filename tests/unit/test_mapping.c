// Mapping: the namespace that a key is of, by the configuration of its listener.
#include "daemon/policy/mapping.h"

#include "configuration.h"
#include "daemon/backend/backend.h"
#include "daemon/policy/policy.h"

static struct policy *policy;
static const struct mapping *mapping;

// Of the room above: nothing here has a living backend.
void backend_unref(struct backend *b) { (void)b; }

static void end_policy(void) {
    policy_unref(policy);
    policy = NULL;
    end();
}

// Some namespaces at two backends, and a listener with these options.
static void configure(const char *options) {
    struct bytes text = {0};
    bytes_printf(&text,
                 "[backend one]\nurl = redis://one\n[backend two]\nurl = redis://two\n"
                 "[namespace sessions]\nbackend = one\nprefix = sess:\n"
                 "[namespace carts]\nbackend = two\nprefix = cart\n"
                 "[namespace misc]\nbackend = one\n"
                 "[namespace other]\nbackend = two\nprefix = \xff\n"
                 "[listener l]\nlisten = unix:/l\nspeak = redis\n%s",
                 options);
    bytes_append(&text, "", 1);
    policy = policy_new(load_good(text.data, NULL), table);
    for (size_t i = 0; i < policy->settings->namespace_count; i++)
        policy->namespaces[i].stats = namespace_stats_ref(NULL);
    mapping = policy_mapping(policy, SLICE("l"));
    ck_assert_ptr_nonnull(mapping);
    bytes_deinit(&text);
}

// "sessions", or "sessions+" when the key needs the prefix; "none".
static void check_key(struct slice key, const char *wanted) {
    bool whole = false;
    const struct namespace *found = mapping_find(mapping, key, &whole);
    struct bytes text = {0};
    bytes_printf(&text, "%s%s", found ? found->conf->name : "none", found && !whole ? "+" : "");
    check_same(key.data, bytes_slice(&text), slice_of(wanted));
    bytes_deinit(&text);
}

static void check_reaches(const char *name, bool wanted) {
    const struct namespace *namespace = policy_namespace(policy, slice_of(name));
    ck_assert_msg(mapping_reaches(mapping, namespace) == wanted, "%s", name);
}

static void check_select(int64_t number, bool is_taken, const char *wanted) {
    struct namespace *bound;
    ck_assert_msg(mapping_select(mapping, number, &bound) == is_taken, "%d", (int)number);
    if (wanted)
        ck_assert_str_eq(bound->conf->name, wanted);
    else
        ck_assert_ptr_null(bound);
}

START_TEST(a_key_is_of_the_namespace_whose_prefix_it_begins_with) {
    configure("");
    check_key(SLICE("sess:1"), "sessions");
    check_key(SLICE("sess:"), "sessions"); // the empty key
    check_key(SLICE("sess"), "none");
    check_key(SLICE("sesS:1"), "none");
    check_key(SLICE("cart"), "carts");
    check_key(SLICE("cart\xff"), "carts");
    check_key(SLICE("cart\0"), "carts");
    check_key(SLICE("car"), "none");
    check_key(SLICE("caru"), "none");
    check_key(SLICE("misc:misc:x"), "misc");
    check_key(SLICE("\xff"), "other");
    check_key(SLICE("\xff\xff"), "other");
    check_key(SLICE("\xfe"), "none");
    check_key(SLICE(""), "none");
    check_key((struct slice){NULL, 0}, "none");
}
END_TEST

START_TEST(rest_is_of_the_other_keys_and_not_found_by_its_prefix) {
    configure("rest = misc\n");
    check_key(SLICE("sess:1"), "sessions");
    check_key(SLICE("x"), "misc+");
    check_key(SLICE(""), "misc+");
    check_key(SLICE("misc:x"), "misc+");
    check_reaches("misc", true);
    check_reaches("other", true);
}
END_TEST

START_TEST(only_the_namespaces_of_the_listener_are_found) {
    configure("namespaces = carts\n");
    check_key(SLICE("cart1"), "carts");
    check_key(SLICE("sess:1"), "none");
    check_reaches("carts", true);
    check_reaches("sessions", false);
}
END_TEST

START_TEST(namespaces_may_be_none_beside_rest) {
    configure("namespaces =\nrest = misc\n");
    check_key(SLICE("sess:1"), "misc+");
    check_reaches("sessions", false);
}
END_TEST

START_TEST(a_bound_listener_reaches_its_namespace_alone) {
    configure("namespace = misc\n");
    ck_assert_ptr_eq(mapping->bound, policy_namespace(policy, SLICE("misc")));
    ck_assert_uint_eq(mapping->count, 0);
    check_reaches("misc", true);
    check_reaches("sessions", false);
    check_select(0, true, NULL);
    check_select(1, false, NULL);
}
END_TEST

START_TEST(select_binds_by_number) {
    configure("namespaces = sessions\nselect = 1: carts, 15:misc\n");
    ck_assert_ptr_null(mapping->bound);
    check_select(0, true, NULL);
    check_select(1, true, "carts");
    check_select(15, true, "misc");
    check_select(2, false, NULL);
    check_select(-1, false, NULL);
    check_select(INT64_MAX, false, NULL);
    check_reaches("misc", true);
    check_reaches("other", false);
}
END_TEST

START_TEST(an_empty_prefix_holds_every_key) {
    struct bytes report = {0};
    write_file("c.ini", SLICE("[backend b]\nurl = redis://h\n[namespace n]\nprefix =\n"
                              "[listener l]\nlisten = unix:/l\nspeak = redis\n"));
    policy = policy_new(load("c.ini", NULL, &report), table);
    policy->namespaces[0].stats = namespace_stats_ref(NULL);
    mapping = policy_mapping(policy, SLICE("l"));
    check_key(SLICE(""), "n");
    check_key(SLICE("x"), "n");
    check_text("report", &report, "");
}
END_TEST

START_TEST(every_one_of_many_is_found) {
    enum { MANY = 1000 };
    struct bytes text = {0}, report = {0}, key = {0};
    bytes_append_literal(&text, "[backend b]\nurl = redis://h\n"
                                "[listener l]\nlisten = unix:/l\nspeak = redis\n");
    for (int i = 0; i < MANY; i++)
        bytes_printf(&text, "[namespace n%d]\n", i);
    write_file("c.ini", bytes_slice(&text));
    policy = policy_new(load("c.ini", NULL, &report), table);
    for (size_t i = 0; i < MANY; i++)
        policy->namespaces[i].stats = namespace_stats_ref(NULL);
    mapping = policy_mapping(policy, SLICE("l"));
    for (int i = 0; i < MANY; i++) {
        char name[16];
        snprintf(name, sizeof(name), "n%d", i);
        key.len = 0;
        bytes_printf(&key, "%s:%d", name, i);
        check_key(bytes_slice(&key), name);
        key.len -= 1;
        key.data[strlen(name)] = ';';
        check_key(bytes_slice(&key), "none");
    }
    bytes_deinit(&key);
    bytes_deinit(&text);
    check_text("report", &report, "");
}
END_TEST

START_TEST(a_policy_knows_its_mappings_by_name) {
    configure("[listener second]\nlisten = unix:/s\n");
    ck_assert_ptr_eq(policy_mapping(policy, SLICE("second")), &policy->mappings[1]);
    ck_assert_ptr_null(policy_mapping(policy, SLICE("third")));
    ck_assert_int_eq(policy_mapping(policy, SLICE("second"))->conf->speak, SPEAK_CACHESD);
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND(
        "mapping", begin, end_policy, a_key_is_of_the_namespace_whose_prefix_it_begins_with,
        rest_is_of_the_other_keys_and_not_found_by_its_prefix,
        only_the_namespaces_of_the_listener_are_found, namespaces_may_be_none_beside_rest,
        a_bound_listener_reaches_its_namespace_alone, select_binds_by_number,
        an_empty_prefix_holds_every_key, every_one_of_many_is_found,
        a_policy_knows_its_mappings_by_name);
}
