#include "client/search.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/exit_code.h"
#include "conf/address.h"
#include "protocol/bytes.h"
#include "protocol/mem.h"

// --- an address -------------------------------------------------------------------------------

static const char *read_path(const char *text, struct address *address) {
    struct bytes path = {0};
    if (*text != '/') {
        char *here = getcwd(NULL, 0);
        bytes_printf(&path, "%s/", here ? here : "");
        free(here);
    }
    bytes_append(&path, text, strlen(text) + 1);
    bool is_short = path.len <= ADDRESS_LONGEST_PATH + 1;
    *address = (struct address){.kind = ADDRESS_UNIX};
    if (is_short)
        address->path = mem_text(path.data);
    bytes_deinit(&path);
    return is_short ? NULL : "the path of a Unix socket can be 107 bytes long at most";
}

static bool has_scheme(struct slice text) {
    return slice_begins(text, SLICE("unix:")) || slice_begins(text, SLICE("tcp:")) ||
           slice_begins(text, SLICE("tls:"));
}

const char *search_read_address(const char *text, struct address *address) {
    if (!has_scheme(slice_of(text)) && strchr(text, '/'))
        return read_path(text, address);
    struct bytes full = {0};
    if (!has_scheme(slice_of(text)))
        bytes_append_literal(&full, "tcp:");
    bytes_append_slice(&full, slice_of(text));
    const char *error = address_parse(bytes_slice(&full), address);
    bytes_deinit(&full);
    return error ? "use the path of a socket, HOST:PORT, [V6]:PORT or tls:HOST:PORT" : NULL;
}

// --- places -----------------------------------------------------------------------------------

// Anybody may make a folder in /tmp: only this user's own, or root's, has this user's daemon.
static const char *distrust(const char *path) {
    struct stat found;
    if (strncmp(path, "/tmp/", 5) != 0)
        return NULL;
    char *folder = mem_text_of(path, (size_t)(strrchr(path, '/') - path));
    bool is_others = lstat(folder, &found) == 0 && found.st_uid != geteuid() && found.st_uid != 0;
    mem_free(folder);
    return is_others ? "its folder belongs to another user" : NULL;
}

// Appends to *tried why nobody answers there.
static struct connection *try_place(struct connection_options *options, const char *place,
                                    struct bytes *tried, enum exit_code *code) {
    struct bytes why = {0};
    struct connection *c = NULL;
    *code = EXIT_NO_DAEMON;
    address_deinit(&options->address);
    const char *error = search_read_address(place, &options->address);
    if (!error)
        error = distrust(place);
    if (!error)
        c = connection_new(options, &why, code);
    if (error)
        bytes_append_slice(&why, slice_of(error));
    if (!c)
        bytes_printf(tried, "\n  %s: %.*s", place, (int)why.len, why.data);
    bytes_deinit(&why);
    return c;
}

static void add_place(char *places[], size_t *count, const char *folder) {
    struct bytes place = {0};
    bytes_printf(&place, "%s/cachesd.sock", folder);
    bytes_append(&place, "", 1);
    places[(*count)++] = place.data;
}

static struct connection *try_places(struct connection_options *options, struct bytes *error,
                                     enum exit_code *code) {
    char *places[4], own[32];
    size_t count = 0;
    struct connection *c = NULL;
    struct bytes tried = {0};
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    snprintf(own, sizeof(own), "/tmp/cachesd-%u", (unsigned)geteuid());
    add_place(places, &count, "/run/cachesd");
    if (runtime && *runtime == '/')
        add_place(places, &count, runtime);
    add_place(places, &count, own);
    places[count++] = mem_text(SEARCH_DEFAULT_TCP);
    *code = EXIT_NO_DAEMON;
    for (size_t i = 0; i < count && !c && *code == EXIT_NO_DAEMON; i++)
        c = try_place(options, places[i], &tried, code);
    for (size_t i = 0; i < count; i++)
        mem_free(places[i]);
    if (!c) {
        bytes_append_slice(error, slice_of(*code == EXIT_NO_DAEMON ? "no daemon found; tried"
                                                                   : "the daemon refuses"));
        bytes_append_slice(error, bytes_slice(&tried));
        if (*code == EXIT_NO_DAEMON)
            bytes_append_literal(error, "\nstart one (cachesd), or say where one is: -s ADDRESS or "
                                        "$CACHESD_ADDRESS");
    }
    bytes_deinit(&tried);
    return c;
}

static struct connection *connect_to(struct connection_options *options, const char *text,
                                     const char *source, struct bytes *error,
                                     enum exit_code *code) {
    struct bytes why = {0};
    struct connection *c = NULL;
    address_deinit(&options->address); // of an attempt before
    const char *fault = search_read_address(text, &options->address);
    *code = EXIT_USAGE;
    if (fault)
        bytes_printf(error, "%s '%s': %s", source, text, fault);
    else if (!(c = connection_new(options, &why, code)))
        bytes_printf(error,
                     *code == EXIT_NO_DAEMON ? "no daemon at %s (%s): %.*s" : "%s (%s): %.*s", text,
                     source, (int)why.len, why.data);
    bytes_deinit(&why);
    return c;
}

struct connection *search_connect(struct connection_options *options, const char *given,
                                  struct bytes *error, enum exit_code *code) {
    const char *variable = getenv("CACHESD_ADDRESS");
    if (given)
        return connect_to(options, given, "-s", error, code);
    if (variable && *variable)
        return connect_to(options, variable, "$CACHESD_ADDRESS", error, code);
    return try_places(options, error, code);
}
