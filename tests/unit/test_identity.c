// Identity: who a connection is by its peer or by its token, and what the [user] sections then let
// it do.
#include <sys/socket.h>

#include "configuration.h"
#include "daemon/policy/identity.h"
#include "protocol/mem.h"

#define SERVED                                                                                     \
    "[backend main]\nurl = redis://127.0.0.1\n[namespace a]\n[namespace b]\n[namespace c]\n"
#define HASH_OF_FIRST  "sha256:a7937b64b8caa58f03721bb6bacf5c78cb235febe0e70b1b84cd99541461a08e"
#define HASH_OF_SECOND "sha256:16367aacb67a4a017c8da8ab95682ccb390863780f7114dda0a0e0c55644c7c4"
#define READER         "[user reader]\nuid = 1001\nnamespaces = a, b\n"
#define WRITER         "[user writer]\nuid = 1002\nnamespaces = *\naccess = write\n"
#define CHIEF          "[user chief]\ngid = 50\nnamespaces = *\naccess = admin\n"
#define WITH_FIRST     "[user web]\ntoken = " HASH_OF_FIRST "\nnamespaces = a\n"
#define WITH_SECOND    "[user web]\ntoken = " HASH_OF_SECOND "\nnamespaces = a\n"
#define OTHER_SECOND   "[user job]\ntoken = " HASH_OF_SECOND "\nnamespaces = b\naccess = write\n"

static const struct verb open_verb = {.name = "ping", .flags = VERB_NO_AUTH};
static const struct verb read_verb = {.name = "key.get", .flags = VERB_READ};
static const struct verb write_verb = {.name = "key.set", .flags = VERB_WRITE};
static const struct verb admin_verb = {.name = "reload", .flags = VERB_ADMIN};

static struct settings *settings;
static struct identity identity;

// The configuration that holds from now on, as after a reload.
static void configure(const char *text) {
    struct bytes whole = {0};
    settings_unref(settings);
    bytes_printf(&whole, "%s%s", SERVED, text);
    bytes_append(&whole, "", 1);
    settings = load_good(whole.data, NULL);
    bytes_deinit(&whole);
    identity_identify(&identity, settings);
}

// A new connection over a Unix socket, of a process with these three.
static void connect_peer(uid_t uid, gid_t gid, gid_t other_gid) {
    identity_deinit(&identity);
    identity = (struct identity){.is_local = true, .has_peer = true, .uid = uid, .group_count = 2};
    identity.groups = mem_new(2 * sizeof(gid_t));
    identity.groups[0] = gid;
    identity.groups[1] = other_gid;
    identity_identify(&identity, settings);
}

// A new connection over TCP.
static void connect_remote(void) {
    identity_deinit(&identity);
    identity = (struct identity){0};
    identity_identify(&identity, settings);
}

static void begin_identity(void) {
    begin();
    configure("");
    connect_remote();
}

static void end_identity(void) {
    identity_deinit(&identity);
    settings_unref(settings);
    end();
}

static void check_is(const char *name) {
    ck_assert_pstr_eq(identity.user ? identity.user->name : NULL, name);
}

static bool authenticate(const char *name, const char *token) {
    return identity_authenticate(&identity, settings, slice_of(name), slice_of(token));
}

// "" when the caller may say the verb, else the code and the text of the refusal.
static void check_may_say(const struct verb *verb, const char *wanted) {
    struct refusal refusal = {0};
    struct bytes text = {0};
    if (!identity_may_say(&identity, verb, &refusal)) {
        bytes_printf(&text, "%s ", reply_code_name(refusal.code));
        bytes_append_slice(&text, bytes_slice(&refusal.text));
    }
    check_text(verb ? verb->name : "no verb", &text, wanted);
    refusal_deinit(&refusal);
}

static void check_shown(const char *wanted) {
    struct bytes text = {0};
    identity_append(&text, &identity);
    check_text("shown", &text, wanted);
}

// --- peers ------------------------------------------------------------------------------------

START_TEST(a_peer_is_the_user_with_its_uid) {
    configure(READER WRITER);
    connect_peer(1002, 7, 8);
    check_is("writer");
    connect_peer(1001, 7, 8);
    check_is("reader");
    connect_peer(1003, 7, 8);
    check_is(NULL);
}
END_TEST

START_TEST(a_peer_is_the_user_with_any_of_its_groups) {
    configure(CHIEF);
    connect_peer(1, 50, 8);
    check_is("chief");
    connect_peer(1, 7, 50);
    check_is("chief");
    connect_peer(50, 7, 8);
    check_is(NULL);
}
END_TEST

START_TEST(a_user_with_uid_and_gid_is_a_peer_with_both) {
    configure("[user both]\nuid = 1001\ngid = 50\nnamespaces = a\n");
    connect_peer(1001, 7, 50);
    check_is("both");
    connect_peer(1001, 7, 8);
    check_is(NULL);
    connect_peer(1, 7, 50);
    check_is(NULL);
}
END_TEST

START_TEST(the_first_user_that_matches_is_the_one) {
    configure("[user first]\nuid = 1001\nnamespaces = a\n" READER CHIEF);
    connect_peer(1001, 50, 8);
    check_is("first");
}
END_TEST

// The uid of a connection over TCP is not known, and 0 is root's.
START_TEST(a_connection_without_a_peer_is_nobody_by_its_uid) {
    configure("[user root]\nuid = 0\nnamespaces = a\n" WITH_FIRST);
    connect_remote();
    check_is(NULL);
    ck_assert(!identity_is_known(&identity));
}
END_TEST

START_TEST(a_user_with_a_token_alone_is_no_peer) {
    configure(WITH_FIRST);
    connect_peer(0, 0, 0);
    check_is(NULL);
}
END_TEST

START_TEST(the_system_says_who_is_at_the_other_end_of_a_unix_socket) {
    int ends[2];
    struct identity self = {0};
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    identity_init_peer(&self, ends[0]);
    ck_assert(self.has_peer);
    ck_assert_int_eq(self.pid, getpid());
    ck_assert_uint_eq(self.uid, geteuid());
    ck_assert_uint_ge(self.group_count, 1);
    ck_assert_uint_eq(self.groups[0], getegid());
    identity_deinit(&self);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

// --- tokens -----------------------------------------------------------------------------------

START_TEST(a_token_makes_its_user_and_no_other) {
    configure(WITH_FIRST OTHER_SECOND);
    connect_remote();
    ck_assert(!authenticate("web", "second"));
    ck_assert(!authenticate("job", "first"));
    ck_assert(!authenticate("web", ""));
    ck_assert(!authenticate("", "first"));
    ck_assert(!authenticate("Web", "first"));
    check_is(NULL);
    ck_assert(authenticate("job", "second"));
    check_is("job");
    ck_assert(authenticate("web", "first"));
    check_is("web");
}
END_TEST

START_TEST(a_wrong_token_changes_nothing) {
    configure(WITH_FIRST OTHER_SECOND);
    ck_assert(authenticate("web", "first"));
    ck_assert(!authenticate("job", "wrong"));
    check_is("web");
}
END_TEST

START_TEST(a_token_goes_before_the_peer_until_it_is_forgotten) {
    configure(READER WITH_FIRST);
    connect_peer(1001, 7, 8);
    ck_assert(authenticate("web", "first"));
    check_is("web");
    identity_forget(&identity, settings);
    check_is("reader");
}
END_TEST

// Nobody has to hash it to refuse it: that would take long, before anybody is known.
START_TEST(a_token_of_more_than_64_kb_is_nobodys) {
    // SHA-256 of 65,536 and of 65,537 zero bytes.
    configure("[user most]\nnamespaces = a\n"
              "token = sha256:de2f256064a0af797747c2b97505dc0b9f3df0de4f489eac731c23ae9ca9cc31\n"
              "[user beyond]\nnamespaces = a\n"
              "token = sha256:3266304f31be278d06c3bd3eb9aa3e00c59bedec0a890de466568b0b90b0e01f\n");
    static const char zeros[64 * 1024 + 1];
    struct slice token = {zeros, sizeof(zeros)};
    ck_assert(!identity_authenticate(&identity, settings, SLICE("beyond"), token));
    token.len--;
    ck_assert(identity_authenticate(&identity, settings, SLICE("most"), token));
}
END_TEST

START_TEST(a_token_that_a_reload_replaces_is_worth_nothing_any_more) {
    configure(WITH_FIRST);
    ck_assert(authenticate("web", "first"));
    configure(WITH_FIRST OTHER_SECOND);
    check_is("web");
    configure(WITH_SECOND);
    check_is(NULL);
    ck_assert(authenticate("web", "second"));
    check_is("web");
}
END_TEST

START_TEST(who_has_authenticated_is_not_its_peer_when_a_reload_takes_the_user_away) {
    configure(READER WITH_FIRST);
    connect_peer(1001, 7, 8);
    ck_assert(authenticate("web", "first"));
    configure(READER);
    check_is(NULL);
    configure(READER WITH_FIRST);
    check_is("web");
}
END_TEST

// --- without users ----------------------------------------------------------------------------

START_TEST(without_users_a_local_connection_is_trusted) {
    connect_peer(1003, 7, 8);
    ck_assert(identity.is_trusted && identity_is_known(&identity));
    ck_assert(identity_may_write(&identity) && identity_is_admin(&identity));
    ck_assert(!identity_is_limited(&identity) && identity_may_use(&identity, 2));
    check_may_say(&admin_verb, "");
    check_shown("anybody (no [user] is configured)");
    configure(READER);
    ck_assert(!identity.is_trusted && !identity_is_known(&identity));
}
END_TEST

START_TEST(without_users_a_remote_connection_is_nobody) {
    connect_remote();
    ck_assert(!identity_is_known(&identity) && !identity_may_write(&identity));
    ck_assert(!identity_may_use(&identity, 0));
    check_may_say(&read_verb, "NOAUTH authenticate first: auth USER TOKEN");
}
END_TEST

// --- what they may do -------------------------------------------------------------------------

START_TEST(nobody_may_say_only_what_needs_no_auth) {
    configure(READER);
    connect_remote();
    check_may_say(&open_verb, "");
    check_may_say(&read_verb, "NOAUTH authenticate first: auth USER TOKEN");
    check_may_say(NULL, "NOAUTH authenticate first: auth USER TOKEN");
    ck_assert(!identity_may_write(&identity) && !identity_is_admin(&identity));
    ck_assert(identity_is_limited(&identity) && !identity_may_use(&identity, 0));
    check_shown("nobody yet");
}
END_TEST

START_TEST(access_read_may_read) {
    configure(READER);
    connect_peer(1001, 7, 8);
    check_may_say(&open_verb, "");
    check_may_say(&read_verb, "");
    check_may_say(NULL, "");
    check_may_say(&write_verb, "NOPERM this needs access = write");
    check_may_say(&admin_verb, "NOPERM this needs access = admin");
    ck_assert(!identity_may_write(&identity) && !identity_is_admin(&identity));
    check_shown("reader (read)");
}
END_TEST

START_TEST(access_write_may_read_and_write) {
    configure(WRITER);
    connect_peer(1002, 7, 8);
    check_may_say(&read_verb, "");
    check_may_say(&write_verb, "");
    check_may_say(&admin_verb, "NOPERM this needs access = admin");
    ck_assert(identity_may_write(&identity) && !identity_is_admin(&identity));
    check_shown("writer (write)");
}
END_TEST

START_TEST(access_admin_may_do_all) {
    configure(CHIEF);
    connect_peer(1, 50, 8);
    check_may_say(&read_verb, "");
    check_may_say(&write_verb, "");
    check_may_say(&admin_verb, "");
    ck_assert(identity_may_write(&identity) && identity_is_admin(&identity));
    check_shown("chief (admin)");
}
END_TEST

START_TEST(a_user_may_use_the_namespaces_that_it_names) {
    configure(READER WRITER);
    connect_peer(1001, 7, 8);
    ck_assert(identity_is_limited(&identity));
    ck_assert(identity_may_use(&identity, 0) && identity_may_use(&identity, 1));
    ck_assert(!identity_may_use(&identity, 2));
    connect_peer(1002, 7, 8);
    ck_assert(!identity_is_limited(&identity));
    ck_assert(identity_may_use(&identity, 0) && identity_may_use(&identity, 2));
}
END_TEST

// They stand for a check that was made for whoever it was before.
START_TEST(the_last_words_are_forgotten_with_who_said_them) {
    static struct verb_entry entry;
    configure(READER WITH_FIRST);
    connect_peer(1001, 7, 8);
    identity.last_entry = &entry;
    identity.last_namespace = (struct namespace *)&entry;
    ck_assert(authenticate("web", "first"));
    ck_assert_ptr_null(identity.last_entry);
    ck_assert_ptr_null(identity.last_namespace);
    identity.last_entry = &entry;
    identity_forget(&identity, settings);
    ck_assert_ptr_null(identity.last_entry);
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND(
        "identity", begin_identity, end_identity, a_peer_is_the_user_with_its_uid,
        a_peer_is_the_user_with_any_of_its_groups, a_user_with_uid_and_gid_is_a_peer_with_both,
        the_first_user_that_matches_is_the_one, a_connection_without_a_peer_is_nobody_by_its_uid,
        a_user_with_a_token_alone_is_no_peer,
        the_system_says_who_is_at_the_other_end_of_a_unix_socket,
        a_token_makes_its_user_and_no_other, a_wrong_token_changes_nothing,
        a_token_goes_before_the_peer_until_it_is_forgotten, a_token_of_more_than_64_kb_is_nobodys,
        a_token_that_a_reload_replaces_is_worth_nothing_any_more,
        who_has_authenticated_is_not_its_peer_when_a_reload_takes_the_user_away,
        without_users_a_local_connection_is_trusted, without_users_a_remote_connection_is_nobody,
        nobody_may_say_only_what_needs_no_auth, access_read_may_read,
        access_write_may_read_and_write, access_admin_may_do_all,
        a_user_may_use_the_namespaces_that_it_names,
        the_last_words_are_forgotten_with_who_said_them);
}
