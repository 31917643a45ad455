// cachesd: the command line.
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf/loader.h"
#include "conf/problems.h"
#include "conf/sections.h"
#include "conf/settings.h"
#include "daemon/admin/handshake.h"
#include "daemon/admin/report_verbs.h"
#include "daemon/admin/verbs.h"
#include "daemon/daemon.h"
#include "daemon/http/http.h"
#include "daemon/loop/journal.h"
#include "daemon/loop/log.h"
#include "daemon/loop/sink.h"
#include "daemon/redis/commands.h"
#include "daemon/versions.h"
#include "protocol/bytes.h"
#include "protocol/mem.h"
#include "protocol/verb_table.h"

#define DEFAULT_FILE "/etc/cachesd/cachesd.ini"

enum {
    BAD_USAGE = 2,
    BAD_CONFIGURATION = 78, // EX_CONFIG of sysexits.h: the unit does not start it again
};

static const char usage[] =
    "usage: cachesd [-c FILE] [-t] [-v] [-V] [-h]\n"
    "  -c FILE  configuration (default " DEFAULT_FILE " if there is one, else built in:\n"
    "           an embedded Redis and the namespace `demo`)\n"
    "  -t       check the configuration and exit\n"
    "  -v       log more (repeatable)\n"
    "  -V       print the version, and those of the libraries\n"
    "  -h       print this\n"
    "It ends with 0 when it was told to, 1 for a fault, 2 for a wrong command line, 78 for a bad\n"
    "configuration; -t with 0 for a good one and 1 for a bad one.\n";

struct arguments {
    const char *file; // NULL: built in
    bool is_test;
    int verbosity;
};

static void print_versions(void) {
    struct bytes text = {0};
    bytes_append_literal(&text, "cachesd " CACHESD_VERSION "\n");
    versions_append(&text);
    fwrite(text.data, 1, text.len, stdout);
    bytes_deinit(&text);
}

// Returns an exit code, or -1 to go on.
static int read_arguments(int argc, char **argv, struct arguments *a) {
    // Options that people try on a program whose usage they do not know yet.
    static const struct option long_options[] = {
        {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, {NULL, 0, NULL, 0}};
    int letter;
    while ((letter = getopt_long(argc, argv, "c:tvVh", long_options, NULL)) != -1) {
        switch (letter) {
        case 'c': a->file = optarg; break;
        case 't': a->is_test = true; break;
        case 'v': a->verbosity++; break;
        case 'V': print_versions(); return EXIT_SUCCESS;
        case 'h': fputs(usage, stdout); return EXIT_SUCCESS;
        default: fputs(usage, stderr); return BAD_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "cachesd: unexpected argument '%s'\n%s", argv[optind], usage);
        return BAD_USAGE;
    }
    // A file that may not be read counts as present: the daemon must not silently run without it.
    if (!a->file && (access(DEFAULT_FILE, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR)))
        a->file = DEFAULT_FILE;
    return -1;
}

static struct settings *load(const struct arguments *a, const struct verb_table *verbs) {
    struct log log;
    struct problems problems = {0};
    struct bytes text = {0};
    struct settings_source source = {a->file, verbs, (const char *const *)environ};
    struct settings *settings = settings_load(&source, &problems);
    if (a->is_test) {
        problems_append(&problems, &text);
        fprintf(stderr, "%.*s", (int)text.len, text.data ? text.data : "");
    } else {
        log_init(&log, 0);
        if (settings)
            log.format = (enum log_format)settings->daemon.log_format;
        log_problems(&log, &problems);
    }
    bytes_deinit(&text);
    problems_deinit(&problems);
    return settings;
}

static void *new_array(size_t count, size_t size) {
    return size > 0 && count > SIZE_MAX / size ? NULL : mem_new(count * size);
}

// libuv uses the daemon's allocator too, because it would abort when its own finds no memory.
static void share_memory(void) { uv_replace_allocator(mem_new, mem_resize, new_array, mem_free); }

// Otherwise a socket could become standard error, and libuv aborts when it closes that descriptor.
static void fill_standard_files(void) {
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (fd >= 0 && fd <= STDERR_FILENO)
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
}

static int run(struct settings *settings, const struct verb_table *verbs,
               const struct arguments *a) {
    struct http *http = http_new();
    int code = daemon_run(settings, verbs, a->file, a->verbosity, &http->annex);
    http_free(http);
    return code;
}

int main(int argc, char **argv) {
    struct arguments a = {0};
    fill_standard_files();
    sink_init();
    journal_init("/run/systemd/journal/socket");
    share_memory();
    int code = read_arguments(argc, argv, &a);
    if (code >= 0)
        return code;
    struct verb_table *verbs = verb_table_new(admin_verbs, admin_verb_count);
    verb_table_add(verbs, report_verbs, report_verb_count);
    verb_table_add(verbs, handshake_verbs, handshake_verb_count);
    struct redis_table *redis = commands_new(verbs);
    struct settings *settings = load(&a, verbs);
    if (settings && a.is_test) {
        fprintf(stderr, "%s: good\n", a.file ? a.file : "built-in");
        settings_unref(settings);
        code = EXIT_SUCCESS;
    } else if (settings) {
        code = run(settings, verbs, &a);
    } else {
        code = a.is_test ? EXIT_FAILURE : BAD_CONFIGURATION;
    }
    commands_free(redis);
    verb_table_free(verbs);
    return code;
}
