// Address: where the daemon listens.
#include <arpa/inet.h>
#include <netdb.h>

#include "conf/address.h"
#include "helpers.h"

// The resolver: two.test has two numbers, one of them twice; far.test one that is no machine's
// here.
int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **found);
int __real_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **found);

int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **found) {
    static const char *const names[][4] = {
        {"two.test", "127.0.0.1", "127.0.0.2", "127.0.0.1"},
        {"far.test", "192.0.2.1", "127.0.0.1"},
        {"localhost", "127.0.0.1"},
    };
    struct addrinfo **end = found;
    for (size_t i = 0; i < COUNT(names); i++)
        for (size_t j = 1; strcmp(node, names[i][0]) == 0 && j < 4 && names[i][j]; j++) {
            int error = __real_getaddrinfo(names[i][j], service, hints, end);
            if (error)
                return error;
            end = &(*end)->ai_next;
        }
    return end != found ? 0 : __real_getaddrinfo(node, service, hints, found);
}

static struct addresses resolve(const char *text) {
    struct addresses list = {0};
    struct address address;
    ck_assert_ptr_null(address_parse(slice_of(text), &address));
    ck_assert_ptr_null(address_resolve(&address, &list));
    ck_assert_uint_gt(list.count, 0);
    address_deinit(&address);
    return list;
}

#define BRACKETS "an IPv6 address must stand in brackets, as [::1]:6379"
#define BAD_PORT "the port must be 1 to 65535"
#define NO_PATH  "a Unix socket needs an absolute path, as unix:/run/NAME.sock"

START_TEST(address_is_shown_as_it_is_written) {
    static const char *const texts[] = {"unix:/run/cachesd/cachesd.sock", "tcp:127.0.0.1:7379",
                                        "tcp:[::1]:7379", "tcp:example.org:1", "systemd"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct bytes shown = {0};
        struct address address;
        size_t len = strlen(texts[i]);
        char *exact = copy_exactly(texts[i], len);
        ck_assert_ptr_null(address_parse((struct slice){exact, len}, &address));
        free(exact);
        address_append(&shown, &address);
        address_deinit(&address);
        check_text(texts[i], &shown, texts[i]);
    }
}
END_TEST

#define USE                                                                                        \
    "an address begins with tcp:, tls: (for clients alone) or unix:, as in tcp:127.0.0.1:7379, "   \
    "tcp:[::1]:7379 and unix:/PATH; or it is the word systemd"

START_TEST(address_says_what_is_wrong) {
    static const struct {
        const char *text, *wanted;
    } rows[] = {
        {"", USE},
        {"7379", USE},
        {"udp:host:1", USE},
        {"systemd:x", USE},
        {"tcp:", "use tcp:HOST:PORT or tcp:[V6]:PORT"},
        {"tls://host:1", "HOST:PORT alone belongs here, without //"},
        {"tcp:host", "use tcp:HOST:PORT or tcp:[V6]:PORT"},
        {"tls:7380", "use tls:HOST:PORT or tls:[V6]:PORT"},
        {"tcp::7379", "use tcp:HOST:PORT or tcp:[V6]:PORT"},
        {"tcp:[::1]", "use tcp:HOST:PORT or tcp:[V6]:PORT"},
        {"tcp:host:65536", BAD_PORT},
        {"tcp:host:0", BAD_PORT},
        {"tcp:ho st:1", "the host must be a name or an address"},
        {"unix:/run/%zz", "a bad % escape"},
        {"tcp:host:http", BAD_PORT},
        {"tcp:::1:7379", BRACKETS},
        {"unix:", NO_PATH},
        {"unix:cachesd.sock", NO_PATH},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct address address;
        const char *error = address_parse(slice_of(rows[i].text), &address);
        ck_assert_msg(error && strcmp(error, rows[i].wanted) == 0, "'%s': %s", rows[i].text, error);
    }
}
END_TEST

START_TEST(address_is_local_only_when_no_other_machine_reaches_it) {
    static const struct {
        const char *text;
        bool is_local;
    } rows[] = {
        {"unix:/c.sock", true},     {"systemd", true},         {"tcp:127.0.0.1:1", true},
        {"tcp:127.8.9.1:1", true},  {"tcp:localhost:1", true}, {"tcp:[::1]:1", true},
        {"tcp:0.0.0.0:1", false},   {"tcp:[::]:1", false},     {"tcp:10.0.0.1:1", false},
        {"tcp:128.0.0.1:1", false},

    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct addresses list = resolve(rows[i].text);
        for (size_t j = 0; j < list.count; j++)
            ck_assert_msg(address_is_local(&list.items[j]) == rows[i].is_local, "%s", rows[i].text);
        addresses_deinit(&list);
    }
}
END_TEST

START_TEST(address_paths_are_decoded) {
    struct address address;
    ck_assert_ptr_null(address_parse(SLICE("unix:/run/a%20b%2Cc.sock"), &address));
    ck_assert_str_eq(address.path, "/run/a b,c.sock");
    address_deinit(&address);
}
END_TEST

START_TEST(address_of_a_name_stands_for_each_of_its_numbers) {
    struct addresses list = resolve("tcp:two.test:7379");
    struct bytes shown = {0};
    for (size_t i = 0; i < list.count; i++) {
        address_append(&shown, &list.items[i]);
        bytes_append_literal(&shown, "\n");
    }
    check_text("two", &shown, "tcp:two.test:7379 (127.0.0.1)\ntcp:two.test:7379 (127.0.0.2)\n");
    addresses_deinit(&list);
}
END_TEST

START_TEST(address_of_a_name_passes_over_what_is_not_of_this_machine) {
    struct addresses list = resolve("tcp:far.test:7379");
    struct bytes shown = {0};
    ck_assert_uint_eq(list.count, 1);
    address_append(&shown, &list.items[0]);
    check_text("far", &shown, "tcp:far.test:7379 (127.0.0.1)");
    addresses_deinit(&list);
}
END_TEST

START_TEST(address_is_the_same_by_number_however_it_is_written) {
    static const struct {
        const char *one, *other;
        bool is_same;
    } rows[] = {
        {"tcp:[::1]:1", "tcp:[0:0::1]:1", true},
        {"tcp:127.0.0.1:1", "tcp:127.1:1", true},
        {"tcp:127.0.0.1:1", "tcp:127.0.0.1:2", false},
        {"tcp:127.0.0.1:1", "tcp:[::1]:1", false},
        {"tcp:0.0.0.0:1", "tcp:[::]:1", false},
        {"unix:/a", "unix:/a", true},
        {"unix:/a", "unix:/b", false},
        {"unix:/systemd", "systemd", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct addresses one = resolve(rows[i].one), other = resolve(rows[i].other);
        ck_assert_msg(address_is_same(&one.items[0], &other.items[0]) == rows[i].is_same, "%s %s",
                      rows[i].one, rows[i].other);
        addresses_deinit(&one);
        addresses_deinit(&other);
    }
}
END_TEST

int main(void) {
    return RUN_TESTS("address", address_is_shown_as_it_is_written, address_says_what_is_wrong,
                     address_is_local_only_when_no_other_machine_reaches_it,
                     address_paths_are_decoded, address_of_a_name_stands_for_each_of_its_numbers,
                     address_of_a_name_passes_over_what_is_not_of_this_machine,
                     address_is_the_same_by_number_however_it_is_written);
}
