// Host: the names by which a browser may call the daemon.
#include "daemon/http/host.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "configuration.h"

static struct sockaddr_storage local_of(const char *number) {
    struct sockaddr_storage local = {.ss_family = AF_INET};
    if (inet_pton(AF_INET, number, &((struct sockaddr_in *)&local)->sin_addr) != 1) {
        local.ss_family = AF_INET6;
        ck_assert_int_eq(inet_pton(AF_INET6, number, &((struct sockaddr_in6 *)&local)->sin6_addr),
                         1);
    }
    return local;
}

static bool is_ours(const char *host, const char *local_number) {
    struct settings *s =
        load_good("[backend b]\nurl = redis://h\n[namespace n]\n[http]\n"
                  "listen = tcp:127.0.0.1:1\nhosts = Cache-1.internal, [fd00::7]\n",
                  NULL);
    struct sockaddr_storage local = local_of(local_number);
    bool is_ours = host_is_ours(slice_of(host), &s->http, &local);
    settings_unref(s);
    return is_ours;
}

START_TEST(its_own_names_are_known) {
    static const char *const hosts[] = {
        "localhost", "LocalHost:80",  "127.0.0.1",        "127.9.9.9:1",        "[::1]:9379",
        "10.1.2.3",  "10.1.2.3:9379", "cache-1.INTERNAL", "cache-1.internal:1", "[fd00::7]:2"};
    for (size_t i = 0; i < COUNT(hosts); i++)
        ck_assert_msg(is_ours(hosts[i], "10.1.2.3"), "%s", hosts[i]);
    ck_assert(is_ours("[fd00::1]:80", "fd00::1"));
}
END_TEST

START_TEST(others_are_not) {
    static const char *const hosts[] = {"",
                                        ":",
                                        "[",
                                        "[]",
                                        "[::1",
                                        "evil",
                                        "localhost.evil",
                                        "127.0.0.1.evil",
                                        "10.1.2.4",
                                        "0x7f000001",
                                        "2130706433",
                                        "cache-1",
                                        "fd00::7x",
                                        "[fd00::8]",
                                        "localhost\t"};
    for (size_t i = 0; i < COUNT(hosts); i++)
        ck_assert_msg(!is_ours(hosts[i], "10.1.2.3"), "'%s'", hosts[i]);
    ck_assert(!is_ours("10.1.2.3", "fd00::1"));
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND("host", begin, end, its_own_names_are_known, others_are_not);
}
