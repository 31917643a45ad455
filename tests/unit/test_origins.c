// Origins: whether the files that settings were made of are still the same.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/origins.h"
#include "configuration.h"

#define LINK "sub/5ed36f99.0" // as OpenSSL names it

static struct origins origins;

static void begin_origins(void) {
    begin();
    write_file("secret", SLICE("first"));
    write_file("c.ini", SLICE("[cachesd]"));
}

static void end_origins(void) {
    origins_deinit(&origins);
    remove(LINK);
    end();
}

static void add_both(void) {
    origins_add_text(&origins, "c.ini", SLICE("[cachesd]"));
    origins_add_file(&origins, "secret");
}

// Replaces the file by another one of that text, with the time of the old.
static void replace(const char *path, struct slice text) {
    struct stat old;
    ck_assert_int_eq(stat(path, &old), 0);
    write_file("sub/c.txt", text);
    struct timespec times[] = {old.st_atim, old.st_mtim};
    ck_assert_int_eq(utimensat(AT_FDCWD, "sub/c.txt", times, 0), 0);
    ck_assert_int_eq(rename("sub/c.txt", path), 0);
}

static void set_time(const char *path, long nanoseconds) {
    struct timespec times[] = {{1, 0}, {1000000000, nanoseconds}};
    ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

// Returns what identifies the change: the files in question, and the INI file if there is one.
static uint64_t check_changed(const char *file, const char *ini) {
    struct origins_change change = origins_compare(&origins);
    ck_assert_str_eq(change.file ? change.file : "none", file);
    ck_assert_str_eq(change.ini ? change.ini : "none", ini);
    ck_assert_uint_eq(change.count > 0, change.file != NULL);
    return change.look;
}

START_TEST(origins_that_stay_are_the_same) {
    ck_assert(!origins_has_files(&origins));
    add_both();
    ck_assert(origins_has_files(&origins));
    check_changed("none", "none");
}
END_TEST

START_TEST(origins_tell_a_file_by_its_time_its_size_and_its_inode) {
    set_time("secret", 1);
    add_both();
    set_time("secret", 2);
    check_changed("secret", "none");
    set_time("secret", 1);
    check_changed("none", "none");
    write_file("secret", SLICE("longer"));
    set_time("secret", 1);
    uint64_t first = check_changed("secret", "none");
    ck_assert_uint_eq(check_changed("secret", "none"), first);
    replace("secret", SLICE("first"));
    ck_assert_uint_ne(check_changed("secret", "none"), first);
}
END_TEST

START_TEST(origins_that_are_gone_are_no_change_until_they_are_back) {
    add_both();
    origins_add_file(&origins, "sub/secret");
    rename("secret", "sub/c.txt");
    check_changed("none", "none");
    rename("sub/c.txt", "secret");
    check_changed("none", "none");
    write_file("sub/secret", SLICE("new"));
    check_changed("sub/secret", "none");
}
END_TEST

START_TEST(origins_count_each_file_once) {
    add_both();
    add_both();
    write_file("sub/secret", SLICE("s"));
    origins_add_file(&origins, "sub/secret");
    set_time("secret", 1);
    set_time("sub/secret", 1);
    ck_assert_uint_eq(origins_compare(&origins).count, 2);
    check_changed("secret", "none");
}
END_TEST

START_TEST(origins_look_into_a_folder_of_certificates) {
    ck_assert_int_eq(symlink("../secret", LINK), 0);
    origins_add_file(&origins, "sub");
    write_file("sub/c.txt", SLICE("no certificate"));
    check_changed("none", "none");
    set_time("secret", 1);
    uint64_t first = check_changed("sub", "none");
    remove(LINK);
    ck_assert_uint_ne(check_changed("sub", "none"), first);
}
END_TEST

START_TEST(origins_tell_an_ini_file_by_its_text) {
    add_both();
    set_time("c.ini", 1);
    set_time("secret", 1);
    check_changed("secret", "none");
    write_file("c.ini", SLICE("[Cachesd]"));
    check_changed("secret", "c.ini");
    remove("c.ini");
    check_changed("secret", "c.ini");
    mkfifo("c.ini", 0600);
    check_changed("secret", "c.ini");
}
END_TEST

START_TEST(origins_say_nothing_of_an_ini_file_alone) {
    add_both();
    write_file("c.ini", SLICE("[Cachesd]"));
    check_changed("none", "none");
}
END_TEST

START_TEST(origins_know_which_files_an_include_finds) {
    write_file("sub/c.ini", SLICE(""));
    write_file("sub/a.ini", SLICE(""));
    origins_add_pattern(&origins, "*.ini", "sub/c.ini");
    origins_add_file(&origins, "secret");
    set_time("secret", 1);
    write_file("sub/a.ini", SLICE("its own text is looked at for itself"));
    check_changed("secret", "none");
    write_file("sub/b.ini", SLICE(""));
    check_changed("secret", "*.ini");
    rename("sub/b.ini", "sub/a.ini");
    check_changed("secret", "none");
    rename("sub/a.ini", "sub/b.ini");
    check_changed("secret", "*.ini");
    rename("sub/b.ini", "sub/a.ini");
    remove("sub/a.ini");
    check_changed("secret", "*.ini");
}
END_TEST

START_TEST(origins_know_the_places_of_a_secret) {
    char path[64];
    snprintf(path, sizeof(path), "%s/sub", folder);
    setenv("CREDENTIALS_DIRECTORY", path, 1);
    origins_add_secret(&origins, "secret", "c.ini");
    check_changed("none", "none");
    set_time("secret", 1);
    check_changed("secret", "none");
    origins_deinit(&origins);
    origins_add_secret(&origins, "secret", "c.ini");
    write_file("sub/secret", SLICE("comes before the other"));
    snprintf(path, sizeof(path), "%s/sub/secret", folder);
    check_changed(path, "none");
    origins_deinit(&origins);
    origins_add_secret(&origins, "secret", "c.ini");
    set_time("secret", 2);
    check_changed("none", "none");
    set_time("sub/secret", 2);
    check_changed(path, "none");
}
END_TEST

START_TEST(origins_of_settings_are_all_that_they_were_made_of) {
    const char *text = "[cachesd]\ninclude = sub/*.ini\n[namespace n]\nbackend = b\n";
    struct settings *settings;
    write_file("sub/secret", SLICE("s"));
    write_file("sub/a.ini", SLICE("[backend b]\nurl = redis+sentinel://h/m\n"
                                  "sentinel_password_file = secret\n"));
    settings = load_good(text, NULL);
    origins = settings->origins;
    set_time("secret", 1); // which is not beside the file that names it
    check_changed("none", "none");
    set_time("sub/secret", 1);
    check_changed("sub/secret", "none");
    write_file("sub/a.ini", SLICE(""));
    check_changed("sub/secret", "sub/a.ini");
    write_file("sub/b.ini", SLICE(""));
    check_changed("sub/secret", "sub/*.ini");
    write_file("c.ini", SLICE(""));
    check_changed("sub/secret", "c.ini");
    origins = (struct origins){0};
    settings_unref(settings);
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND(
        "origins", begin_origins, end_origins, origins_that_stay_are_the_same,
        origins_tell_a_file_by_its_time_its_size_and_its_inode,
        origins_that_are_gone_are_no_change_until_they_are_back, origins_count_each_file_once,
        origins_look_into_a_folder_of_certificates, origins_tell_an_ini_file_by_its_text,
        origins_say_nothing_of_an_ini_file_alone, origins_know_which_files_an_include_finds,
        origins_know_the_places_of_a_secret, origins_of_settings_are_all_that_they_were_made_of);
}
