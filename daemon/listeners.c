#include "daemon/listeners.h"

#include "conf/address.h"
#include "conf/runtime_folder.h"
#include "conf/schema.h"
#include "daemon/systemd.h"
#include "protocol/mem.h"

enum { DEFAULT_PORT = 7379 };

void listeners_init(struct listeners *all, struct loop *loop,
                    void (*on_client)(void *owner, struct listener *l), void *owner) {
    *all = (struct listeners){.loop = loop, .on_client = on_client, .owner = owner};
}

// --- addresses --------------------------------------------------------------------------------

// Only the built-in default has these: a socket in the runtime folder, and a port on loopback.
static void add_default_listens(struct daemon_conf *conf, struct problems *problems) {
    struct bytes path = {0};
    runtime_folder_append(&path);
    bytes_append_literal(&path, "/cachesd.sock");
    if (path.len > ADDRESS_LONGEST_PATH)
        problems_add(problems, 0, "%.*s is too long for a Unix socket: set listen =", (int)path.len,
                     path.data);
    bytes_append(&path, "", 1);
    const struct address places[] = {
        {.kind = ADDRESS_UNIX, .path = path.data},
        {.kind = ADDRESS_TCP, .host = (char[]){"127.0.0.1"}, .port = DEFAULT_PORT},
    };
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
        address_resolve(&places[i], &conf->listens);
    bytes_deinit(&path);
}

// The sockets that systemd passed are checked against the settings only here, because a test of the
// configuration (-t) does not have them.
static bool look_at_passed(const struct settings *settings, struct problems *problems) {
    const char *error = NULL;
    for (size_t i = 0; i < settings->daemon.listens.count && !error; i++) {
        struct address *address = &settings->daemon.listens.items[i];
        if (address->kind != ADDRESS_SYSTEMD)
            continue;
        error = systemd_look(address);
        if (!error && !address_is_local(address) && !settings_has_tokens(settings))
            error = "a socket that other machines reach needs a [user] with a token";
        if (error)
            problems_add(problems, address->line, "listen = systemd: %s", error);
    }
    return !error;
}

bool listeners_resolve(struct settings *settings, struct problems *problems) {
    if (settings->daemon.listens.count == 0)
        add_default_listens(&settings->daemon, problems);
    systemd_expand(&settings->daemon);
    return problems->error_count == 0 && look_at_passed(settings, problems);
}

// --- a change ---------------------------------------------------------------------------------

static struct listener *find(const struct listeners *all, const struct address *address) {
    for (size_t i = 0; i < all->count; i++)
        if (address_is_same(&all->items[i]->address, address))
            return all->items[i];
    return NULL;
}

// Returns the listener at that address, and opens it if there is none. Returns NULL when that
// fails: *error says why.
static struct listener *open_one(struct listeners *all, const struct address *address,
                                 const struct daemon_conf *conf, struct bytes *error) {
    struct listener *known = find(all, address);
    struct listener *l =
        known ? known : listener_new(all->loop, address, conf, all->on_client, all->owner, error);
    if (!l || !all->is_accepting || listener_start(l, error))
        return l;
    if (!known)
        listener_free(l);
    return NULL;
}

// Fills `items` with the listeners that the settings name, in order.
static bool open_all(struct listeners *all, const struct settings *settings,
                     struct listener **items, struct problems *problems) {
    const struct daemon_conf *conf = &settings->daemon;
    for (size_t i = 0; i < conf->listens.count; i++) {
        struct bytes error = {0};
        items[i] = open_one(all, &conf->listens.items[i], conf, &error);
        if (!items[i])
            problems_add(problems, conf->listens.items[i].line, "listen: %.*s", (int)error.len,
                         error.data);
        bytes_deinit(&error);
        if (!items[i])
            return false;
    }
    return true;
}

// Sets the access of all listeners, also of those that were open already. When one fails, all get
// their former access again.
static bool change_access(struct listeners *all, const struct settings *settings,
                          struct listener *const *items, const struct daemon_conf *before,
                          struct problems *problems) {
    const struct daemon_conf *conf = &settings->daemon;
    struct bytes error = {0};
    size_t i = 0;
    while (i < conf->listens.count && listener_set_access(items[i], conf, &error))
        i++;
    bool is_good = i == conf->listens.count;
    const char *option = conf->socket_gid >= 0 ? "socket_group" : "socket_mode";
    if (!is_good)
        problems_add(problems, schema_line(&conf->common, SECTION_CACHESD, option), "listen: %.*s",
                     (int)error.len, error.data);
    for (i = 0; !is_good && i < all->count; i++)
        (void)!listener_set_access(all->items[i], before, &error);
    bytes_deinit(&error);
    return is_good;
}

static bool is_listed(struct listener *const *list, size_t count, const struct listener *l) {
    for (size_t i = 0; i < count; i++)
        if (list[i] == l)
            return true;
    return false;
}

// Closes the listeners of `from` that are not in `kept`.
static void close_others(struct listener *const *from, size_t count, struct listener *const *kept,
                         size_t kept_count) {
    for (size_t i = 0; i < count; i++)
        if (from[i] && !is_listed(kept, kept_count, from[i]))
            listener_free(from[i]);
}

bool listeners_change(struct listeners *all, const struct settings *settings,
                      const struct daemon_conf *before, struct problems *problems) {
    size_t count = settings->daemon.listens.count;
    struct listener **items = mem_new(count * sizeof(*items));
    if (!open_all(all, settings, items, problems) ||
        !change_access(all, settings, items, before, problems)) {
        close_others(items, count, all->items, all->count);
        mem_free(items);
        return false;
    }
    close_others(all->items, all->count, items, count);
    for (size_t i = 0; i < count; i++) // the same socket, from now on with TLS or without
        items[i]->address.is_tls = settings->daemon.listens.items[i].is_tls;
    mem_free(all->items);
    all->items = items;
    all->count = count;
    return true;
}

// --- life -------------------------------------------------------------------------------------

bool listeners_start(struct listeners *all, struct bytes *error) {
    all->is_accepting = true;
    for (size_t i = 0; i < all->count; i++)
        if (!listener_start(all->items[i], error))
            return false;
    return true;
}

void listeners_close(struct listeners *all) {
    for (size_t i = 0; i < all->count; i++)
        listener_free(all->items[i]);
    mem_free(all->items);
    all->items = NULL;
    all->count = 0;
}
