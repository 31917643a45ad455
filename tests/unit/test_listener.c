// Listener: sockets that can't be opened, whose file is another's, and what is said of each.
#include "daemon/front/listener.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/settings.h"
#include "helpers.h"

static struct loop loop;
static const struct daemon_conf conf = {.socket_mode = 0600, .socket_gid = -1};
static char folder[sizeof("/tmp/cachesd-unit-XXXXXX")], path[64];

static void begin(void) {
    loop.log.level = LOG_LEVEL_ERROR;
    ck_assert_int_eq(uv_loop_init(&loop.uv), 0);
    strcpy(folder, "/tmp/cachesd-unit-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/s.sock", folder);
}

static void end(void) {
    uv_run(&loop.uv, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&loop.uv), 0);
    remove(path);
    rmdir(folder);
}

// The address of the socket file.
static struct address unix_address(void) { return (struct address){.path = path}; }

static struct listener *open_at(const struct address *address, struct bytes *error) {
    return listener_new(&loop, address, &conf, NULL, NULL, error);
}

static struct listener *open_good(void) {
    struct bytes error = {0};
    struct address address = unix_address();
    struct listener *l = open_at(&address, &error);
    check_text("error", &error, "");
    ck_assert_ptr_nonnull(l);
    return l;
}

static void check_error(struct bytes *error, const char *wanted, ...) {
    va_list list;
    char *text;
    va_start(list, wanted);
    ck_assert_int_ge(vasprintf(&text, wanted, list), 0);
    va_end(list);
    check_text("error", error, text);
    free(text);
}

// A socket at the path, of which nobody is told but the system.
static int bind_socket(int type) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, type, 0);
    strcpy(address.sun_path, path);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static ino_t inode_at_path(void) {
    struct stat found;
    ck_assert_int_eq(lstat(path, &found), 0);
    return found.st_ino;
}

START_TEST(problems_name_the_cure) {
    char host[] = "h", deep[] = "/run/x/s.sock", high[] = "/s.sock", near[] = "s.sock";
    struct address tcp = {.kind = ADDRESS_TCP, .host = host, .port = 7};
    struct address in_folder = {.path = deep}, in_root = {.path = high}, here = {.path = near};
    struct address passed = {.kind = ADDRESS_SYSTEMD};
    char denied[200];
    snprintf(denied, sizeof(denied),
             "permission denied: user %u may not write in /run/x: let that user, or listen "
             "elsewhere",
             (unsigned)geteuid());
#define NO_FOLDER(folder)                                                                          \
    "no such file or directory: there is no folder " folder                                        \
    ": make it (`systemd-tmpfiles --create` makes /run/cachesd once cachesd is installed), or "    \
    "listen elsewhere"
    const struct {
        const struct address *address;
        int code;
        const char *wanted;
    } rows[] = {
        {&tcp, UV_EADDRINUSE,
         "address already in use: `ss -ltnp sport = :7` as root names the process; end that one, "
         "or choose another port"},
        {&tcp, UV_EADDRNOTAVAIL,
         "address not available: no interface of this machine has it: see `ip address`"},
        {&tcp, UV_EACCES, "permission denied: ports below 1024 are root's: choose another"},
        {&tcp, UV_ENOENT, "no such file or directory"},
        {&tcp, UV_EMFILE, "too many open files"},
        {&in_folder, UV_ENOENT, NO_FOLDER("/run/x")},
        {&in_root, UV_ENOENT, NO_FOLDER("/")},
        {&in_folder, UV_EACCES, denied},
        {&in_folder, UV_EADDRINUSE, "address already in use"},
        {&in_folder, UV_EADDRNOTAVAIL, "address not available"},
        {&here, UV_EROFS, "read-only file system"},
        {&passed, UV_EADDRINUSE, "address already in use"},
        {&passed, UV_EADDRNOTAVAIL, "address not available"},
        {&passed, UV_ENOENT, "no such file or directory"},
        {&passed, UV_EACCES, "permission denied"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bytes text = {0}, wanted = {0};
        listener_append_problem(&text, rows[i].address, rows[i].code);
        address_append(&wanted, rows[i].address);
        bytes_printf(&wanted, ": %s", rows[i].wanted);
        check_same(rows[i].wanted, bytes_slice(&text), bytes_slice(&wanted));
        bytes_deinit(&text);
        bytes_deinit(&wanted);
    }
}
END_TEST

START_TEST(a_socket_file_that_nobody_serves_is_replaced) {
    close(bind_socket(SOCK_STREAM));
    listener_free(open_good());
    ck_assert_int_ne(access(path, F_OK), 0); // the listener removes its own file
}
END_TEST

START_TEST(what_else_is_there_is_refused_and_stays) {
    struct bytes error = {0};
    struct address address = unix_address();
    fclose(fopen(path, "w"));
    ck_assert_ptr_null(open_at(&address, &error));
    check_error(&error, "unix:%s: there is a file that is no socket", path);
    ck_assert_int_eq(unlink(path), 0);
    int fd = bind_socket(SOCK_DGRAM);
    ck_assert_ptr_null(open_at(&address, &error));
    check_error(&error, "unix:%s: another daemon is serving it", path);
    close(fd);
    ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

#define PASSED "unix:%s: systemd has this socket: use `listen = systemd`, or stop its unit"

START_TEST(a_socket_that_was_passed_on_is_systemds) {
    struct bytes error = {0};
    struct address address = unix_address();
    int fd = bind_socket(SOCK_STREAM);
    ck_assert_int_eq(listen(fd, 8), 0);
    ck_assert_ptr_null(open_at(&address, &error));
    check_error(&error, PASSED, path); // it was this process that listened last
    pid_t child = fork();
    if (child == 0)
        _exit(listen(fd, 8));
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    ck_assert_ptr_null(open_at(&address, &error));
    check_error(&error, PASSED, path); // it was one that has ended
    close(fd);
}
END_TEST

START_TEST(a_socket_that_another_process_serves_names_it) {
    struct bytes error = {0};
    struct address address = unix_address();
    int fd = bind_socket(SOCK_STREAM), ready[2];
    ck_assert_int_eq(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        (void)!write(ready[1], "", (size_t)(listen(fd, 8) == 0));
        pause();
    }
    char word;
    ck_assert_int_eq(read(ready[0], &word, 1), 1);
    ck_assert_ptr_null(open_at(&address, &error));
    check_error(&error,
                "unix:%s: another daemon is serving it: process %d; end that one first, or listen "
                "elsewhere",
                path, (int)child);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(fd);
    close(ready[0]);
    close(ready[1]);
}
END_TEST

START_TEST(a_listener_whose_file_was_taken_does_not_start) {
    struct bytes error = {0};
    struct listener *l = open_good();
    ck_assert_int_eq(unlink(path), 0);
    ck_assert(!listener_start(l, &error));
    check_error(&error, "unix:%s: address already in use", path);
    ck_assert(!listener_set_access(l, &conf, &error));
    check_error(&error, "unix:%s: can't set socket_mode", path);
    int fd = bind_socket(SOCK_STREAM);
    ino_t other = inode_at_path();
    ck_assert(!listener_start(l, &error));
    check_error(&error, "unix:%s: address already in use", path);
    listener_free(l);
    ck_assert_uint_eq(inode_at_path(), other); // another's file stays
    close(fd);
}
END_TEST

START_TEST(a_folder_that_is_not_there_is_named) {
    struct bytes error = {0};
    char nowhere[] = "/nowhere/s.sock";
    struct address address = {.path = nowhere};
    ck_assert_ptr_null(open_at(&address, &error));
    check_text("error", &error, "unix:/nowhere/s.sock: " NO_FOLDER("/nowhere"));
}
END_TEST

START_TEST(a_descriptor_that_is_not_open_is_told) {
    struct bytes error = {0};
    struct address address = {.kind = ADDRESS_SYSTEMD, .port = 1000000};
    for (int is_unix = 0; is_unix < 2; is_unix++) {
        address.socket.ss_family = is_unix ? AF_UNIX : AF_INET;
        ck_assert_ptr_null(open_at(&address, &error));
        check_text("error", &error, "systemd: descriptor 1000000: bad file descriptor");
    }
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND(
        "listener", begin, end, problems_name_the_cure,
        a_socket_file_that_nobody_serves_is_replaced, what_else_is_there_is_refused_and_stays,
        a_socket_that_was_passed_on_is_systemds, a_socket_that_another_process_serves_names_it,
        a_listener_whose_file_was_taken_does_not_start, a_folder_that_is_not_there_is_named,
        a_descriptor_that_is_not_open_is_told);
}
