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
static bool look_at_passed(const struct settings *settings, struct address *address,
                           const struct listener_conf *section, struct problems *problems) {
    struct bytes text = {0};
    const char *error = systemd_look(address);
    if (!error && !address_is_local(address) && !settings_has_tokens(settings))
        error = "a socket that other machines reach needs a [user] with a token";
    if (error)
        bytes_append_slice(&text, slice_of(error));
    if (error && section)
        bytes_printf(&text, " (of [listener %s], whose unit has FileDescriptorName=%s)",
                     section->name, section->name);
    if (error)
        problems_add(problems, address->line, "listen = systemd: %.*s", (int)text.len, text.data);
    bytes_deinit(&text);
    return !error;
}

static bool look_at_all_passed(struct settings *settings, struct problems *problems) {
    for (size_t i = 0; i < settings_listens_count(settings); i++) {
        struct addresses *listens = settings_listens(settings, i);
        for (size_t j = 0; j < listens->count; j++)
            if (listens->items[j].kind == ADDRESS_SYSTEMD &&
                !look_at_passed(settings, &listens->items[j], settings_listener(settings, i),
                                problems))
                return false;
    }
    return true;
}

bool listeners_resolve(struct settings *settings, struct problems *problems) {
    if (settings->daemon.listens.count == 0)
        add_default_listens(&settings->daemon, problems);
    systemd_expand(settings);
    return problems->error_count == 0 && look_at_all_passed(settings, problems);
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

// An address of the settings, and the section that it stands in.
struct door {
    const struct address *address;
    const struct listener_conf *section; // NULL: [cachesd]
    struct listener *listener;           // NULL: not open
};

struct doors {
    struct door *items;
    size_t count;
};

static struct doors doors_of(const struct settings *settings) {
    struct doors doors = {0};
    for (size_t i = 0; i < settings_listens_count(settings); i++) {
        const struct addresses *listens = settings_listens(settings, i);
        for (size_t j = 0; j < listens->count; j++) {
            doors.items = mem_grow(doors.items, doors.count, sizeof(*doors.items));
            doors.items[doors.count++] =
                (struct door){&listens->items[j], settings_listener(settings, i), NULL};
        }
    }
    return doors;
}

// Opens all doors, in order.
static bool open_all(struct listeners *all, const struct daemon_conf *conf, struct doors *doors,
                     struct problems *problems) {
    for (size_t i = 0; i < doors->count; i++) {
        struct door *door = &doors->items[i];
        struct bytes error = {0};
        door->listener = open_one(all, door->address, conf, &error);
        if (!door->listener)
            problems_add(problems, door->address->line, "listen: %.*s", (int)error.len, error.data);
        bytes_deinit(&error);
        if (!door->listener)
            return false;
    }
    return true;
}

// Sets the access of all listeners, also of those that were open already. When one fails, all get
// their former access again.
static bool change_access(struct listeners *all, const struct daemon_conf *conf,
                          const struct doors *doors, const struct daemon_conf *before,
                          struct problems *problems) {
    struct bytes error = {0};
    size_t i = 0;
    while (i < doors->count && listener_set_access(doors->items[i].listener, conf, &error))
        i++;
    bool is_good = i == doors->count;
    const char *option = conf->socket_gid >= 0 ? "socket_group" : "socket_mode";
    if (!is_good)
        problems_add(problems, schema_line(&conf->common, SECTION_CACHESD, option), "listen: %.*s",
                     (int)error.len, error.data);
    for (i = 0; !is_good && i < all->count; i++)
        (void)!listener_set_access(all->items[i], before, &error);
    bytes_deinit(&error);
    return is_good;
}

static bool is_open(const struct listeners *all, const struct listener *l) {
    for (size_t i = 0; i < all->count; i++)
        if (all->items[i] == l)
            return true;
    return false;
}

static bool is_door(const struct doors *doors, const struct listener *l) {
    for (size_t i = 0; i < doors->count; i++)
        if (doors->items[i].listener == l)
            return true;
    return false;
}

// Closes the listeners that were opened for doors.
static void undo(struct listeners *all, const struct doors *doors) {
    for (size_t i = 0; i < doors->count; i++) {
        struct listener *l = doors->items[i].listener;
        if (l && !is_open(all, l))
            listener_free(l);
    }
}

// Closes the listeners that no door needs, and keeps the others. They may be of another section
// from now on, and be with TLS or without.
static void keep(struct listeners *all, const struct doors *doors) {
    struct listener **items = mem_new(doors->count * sizeof(*items));
    for (size_t i = 0; i < all->count; i++)
        if (!is_door(doors, all->items[i]))
            listener_free(all->items[i]);
    for (size_t i = 0; i < doors->count; i++) {
        items[i] = doors->items[i].listener;
        items[i]->address.is_tls = doors->items[i].address->is_tls;
        listener_set_section(items[i], doors->items[i].section);
    }
    mem_free(all->items);
    all->items = items;
    all->count = doors->count;
}

bool listeners_change(struct listeners *all, const struct settings *settings,
                      const struct daemon_conf *before, struct problems *problems) {
    const struct daemon_conf *conf = &settings->daemon;
    struct doors doors = doors_of(settings);
    bool is_good =
        open_all(all, conf, &doors, problems) && change_access(all, conf, &doors, before, problems);
    if (is_good)
        keep(all, &doors);
    else
        undo(all, &doors);
    mem_free(doors.items);
    return is_good;
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
