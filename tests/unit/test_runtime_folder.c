// Runtime folder: which folder sockets are in by default, and whose folder in /tmp is trusted.
#include "conf/runtime_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include "helpers.h"

// The folder in /tmp is named after a user whom this machine hardly has, another in each process,
// so that no daemon's own folder is touched. The check of the owner asks later, and is told
// another.
enum { NAMED_USERS = 2000000000 };
static int names;         // how often the name is still asked for
static uid_t checking_as; // the user of whom the check asks

uid_t __wrap_geteuid(void);
uid_t __wrap_geteuid(void) { return names-- > 0 ? (uid_t)(NAMED_USERS + getpid()) : checking_as; }

static char own[40];
static char folder[sizeof("/tmp/cachesd-unit-XXXXXX")];

static void begin(void) {
    strcpy(folder, "/tmp/cachesd-unit-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(own, sizeof(own), "/tmp/cachesd-%d", (int)(NAMED_USERS + getpid()));
    unsetenv("RUNTIME_DIRECTORY");
    unsetenv("XDG_RUNTIME_DIR");
    checking_as = getuid();
}

static void end(void) {
    remove(own);
    remove(folder);
}

static void check_path(const char *wanted) {
    struct bytes path = {0};
    names = 1;
    runtime_folder_append(&path);
    check_text("path", &path, wanted);
}

// `wanted`: what the problem says of the folder, or "" when there must be none.
static void check_prepared(const char *wanted) {
    struct bytes problem = {0};
    names = 2; // of the folder, and of the one in /tmp
    const char *told = runtime_folder_prepare(&problem);
    if (*wanted) {
        ck_assert_ptr_nonnull(told);
        ck_assert_int_eq(strncmp(told, own, strlen(own)), 0);
        told += strlen(own);
    }
    ck_assert_str_eq(told ? told : "", wanted);
    bytes_deinit(&problem);
}

static void check_private(void) {
    struct stat found;
    ck_assert_int_eq(lstat(own, &found), 0);
    ck_assert(S_ISDIR(found.st_mode));
    ck_assert_int_eq(found.st_mode & 0777, 0700);
}

START_TEST(the_first_variable_that_names_a_folder_counts) {
    char several[64];
    check_path(own);
    setenv("XDG_RUNTIME_DIR", folder, true);
    check_path(folder);
    setenv("RUNTIME_DIRECTORY", "/", true);
    check_path("/");
    snprintf(several, sizeof(several), "%s:/", folder);
    setenv("RUNTIME_DIRECTORY", several, true);
    check_path(folder);
}
END_TEST

START_TEST(what_names_no_folder_is_passed_over) {
    static const char *const values[] = {"", ":/", "tmp", "./", "/nowhere/at/all", "/dev/null"};
    for (size_t i = 0; i < COUNT(values); i++) {
        setenv("RUNTIME_DIRECTORY", values[i], true);
        setenv("XDG_RUNTIME_DIR", values[i], true);
        check_path(own);
        setenv("XDG_RUNTIME_DIR", folder, true);
        check_path(folder);
    }
}
END_TEST

START_TEST(the_folder_in_tmp_is_made_for_its_user_alone) {
    check_prepared("");
    check_private();
    check_prepared(""); // it may be there already
    ck_assert_int_eq(chmod(own, 0755), 0);
    check_prepared("");
    check_private();
}
END_TEST

START_TEST(a_folder_of_a_variable_is_left_as_it_is) {
    struct stat found;
    setenv("XDG_RUNTIME_DIR", folder, true);
    ck_assert_int_eq(chmod(folder, 0755), 0);
    checking_as++; // even if it is another's
    check_prepared("");
    ck_assert_int_eq(stat(folder, &found), 0);
    ck_assert_int_eq(found.st_mode & 0777, 0755);
    ck_assert_int_ne(access(own, F_OK), 0);
}
END_TEST

START_TEST(a_folder_that_another_user_made_is_refused) {
    ck_assert_int_eq(mkdir(own, 0777), 0);
    checking_as++;
    check_prepared(" belongs to another user: set XDG_RUNTIME_DIR, or listen = in a "
                   "configuration file");
}
END_TEST

START_TEST(a_link_or_a_file_in_its_place_is_refused) {
    ck_assert_int_eq(symlink(folder, own), 0);
    check_prepared(" is not a folder");
    ck_assert_int_eq(unlink(own), 0);
    ck_assert_int_eq(symlink("/nowhere/at/all", own), 0);
    check_prepared(" is not a folder");
    ck_assert_int_eq(unlink(own), 0);
    fclose(fopen(own, "w"));
    check_prepared(" is not a folder");
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND(
        "runtime_folder", begin, end, the_first_variable_that_names_a_folder_counts,
        what_names_no_folder_is_passed_over, the_folder_in_tmp_is_made_for_its_user_alone,
        a_folder_of_a_variable_is_left_as_it_is, a_folder_that_another_user_made_is_refused,
        a_link_or_a_file_in_its_place_is_refused);
}
