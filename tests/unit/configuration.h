// Helpers of the tests of the settings: files in a folder of their own, which is the working
// folder meanwhile.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include "conf/loader.h"
#include "helpers.h"

static struct verb_table *table;
static char folder[sizeof("/tmp/cachesd-unit-XXXXXX")];

static inline void write_file(const char *path, struct slice text) {
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(text.data, 1, text.len, file), text.len);
    ck_assert_int_eq(fclose(file), 0);
}

static inline void begin(void) {
    table = verb_table_new(NULL, 0);
    strcpy(folder, "/tmp/cachesd-unit-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
    ck_assert_int_eq(mkdir("sub", 0700), 0);
    unsetenv("CREDENTIALS_DIRECTORY");
}

static inline void end(void) {
    static const char *const files[] = {"c.ini",     "secret",    "sub/c.ini", "sub/secret",
                                        "sub/a.ini", "sub/b.ini", "sub/c.txt", "sub"};
    for (size_t i = 0; i < COUNT(files); i++)
        remove(files[i]);
    verb_table_free(table);
    ck_assert_int_eq(chdir("/"), 0);
    rmdir(folder);
}

// Loads `path`, which may be NULL; *report gets the problems as a person sees them.
static inline struct settings *load(const char *path, const char *const *environment,
                                    struct bytes *report) {
    struct problems problems = {0};
    struct settings_source source = {.file = path, .verbs = table, .environment = environment};
    struct settings *settings = settings_load(&source, &problems);
    problems_append(&problems, report);
    ck_assert_msg(!settings == (problems.error_count > 0), "settings with errors, or without both");
    problems_deinit(&problems);
    return settings;
}

// Loads a text that must be good.
static inline struct settings *load_good(const char *text, const char *const *environment) {
    struct bytes report = {0};
    write_file("c.ini", slice_of(text));
    struct settings *settings = load("c.ini", environment, &report);
    check_text(text, &report, "");
    return settings;
}

// Loads a text whose problems must be exactly these, "c.ini:LINE: message\n" each.
static inline void check_problems(struct slice text, const char *const *environment,
                                  const char *wanted) {
    struct bytes report = {0};
    write_file("c.ini", text);
    settings_unref(load("c.ini", environment, &report));
    check_text(text.data, &report, wanted);
}
