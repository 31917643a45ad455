#include "conf/origins.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/file.h"
#include "conf/include.h"
#include "protocol/hash.h"
#include "protocol/mem.h"

// --- looks ------------------------------------------------------------------------------------

static uint64_t not_nothing(uint64_t hash) { return hash ? hash : 1; }

static uint64_t look_of(struct slice bytes) { return not_nothing(hash_slice(bytes, 0)); }

// A file that is replaced by another one has another inode; one that is written has another time.
static uint64_t look_of_stat(const struct stat *s) {
    int64_t facts[] = {s->st_mtim.tv_sec, s->st_mtim.tv_nsec, s->st_size, (int64_t)s->st_ino};
    return look_of((struct slice){(const char *)facts, sizeof(facts)});
}

// As in 5ed36f99.0: OpenSSL reads no other files of a folder.
static bool is_hashed_name(const char *name) {
    return strspn(name, "0123456789abcdef") == 8 && name[8] == '.';
}

// A sum, since the order of a folder's files means nothing. The names are mostly links: what they
// lead to counts.
static uint64_t look_at_folder(const char *path) {
    DIR *folder = opendir(path);
    const struct dirent *entry;
    struct stat found;
    uint64_t sum = 1;
    while (folder && (entry = readdir(folder)))
        if (is_hashed_name(entry->d_name) && fstatat(dirfd(folder), entry->d_name, &found, 0) == 0)
            sum += hash_slice(slice_of(entry->d_name), look_of_stat(&found));
    if (folder)
        closedir(folder);
    return folder ? not_nothing(sum) : 0;
}

static uint64_t look_at_file(const char *path) {
    struct stat found;
    if (stat(path, &found) != 0)
        return 0;
    return S_ISDIR(found.st_mode) ? look_at_folder(path) : look_of_stat(&found);
}

// A pipe, say, can't be read twice, and might be waited for without end.
static uint64_t look_at_text(const char *path) {
    struct bytes text = {0};
    struct stat found;
    bool is_file = stat(path, &found) == 0 && S_ISREG(found.st_mode);
    uint64_t look = is_file && file_read(path, &text) == 0 ? look_of(bytes_slice(&text)) : 0;
    bytes_deinit(&text);
    return look;
}

static uint64_t look_at_pattern(const char *pattern, const char *beside) {
    struct include_files files;
    uint64_t look = 1;
    if (include_find(pattern, beside, &files))
        return 0;
    for (size_t i = 0; i < files.count; i++)
        look = hash_slice(slice_of(files.items[i].path), look);
    include_files_deinit(&files);
    return not_nothing(look);
}

static uint64_t look_at(const struct origins *o, const struct origin *origin) {
    switch (origin->kind) {
    case ORIGIN_TEXT: return look_at_text(origin->path);
    case ORIGIN_PATTERN: return look_at_pattern(origin->path, o->beside);
    default: return look_at_file(origin->path);
    }
}

// --- adding -----------------------------------------------------------------------------------

static void add(struct origins *o, enum origin_kind kind, const char *path, uint64_t look) {
    o->items = mem_grow(o->items, o->count, sizeof(*o->items));
    o->items[o->count++] = (struct origin){kind, mem_text(path), look};
}

void origins_add_text(struct origins *o, const char *path, struct slice text) {
    add(o, ORIGIN_TEXT, path, look_of(text));
}

void origins_add_pattern(struct origins *o, const char *pattern, const char *beside) {
    if (!o->beside)
        o->beside = mem_text(beside);
    add(o, ORIGIN_PATTERN, pattern, look_at_pattern(pattern, beside));
}

// Many backends may name one file. Its earliest look is the one that counts.
void origins_add_file(struct origins *o, const char *path) {
    for (size_t i = 0; i < o->count; i++)
        if (o->items[i].kind == ORIGIN_FILE && strcmp(o->items[i].path, path) == 0)
            return;
    add(o, ORIGIN_FILE, path, look_at_file(path));
}

void origins_add_secret(struct origins *o, const char *path, const char *beside) {
    struct bytes place = {0};
    bool is_found = false;
    for (unsigned i = 0; !is_found && file_secret_place(path, beside, i, &place); i++) {
        origins_add_file(o, place.data);
        is_found = access(place.data, R_OK) == 0;
    }
    bytes_deinit(&place);
}

void origins_deinit(struct origins *o) {
    for (size_t i = 0; i < o->count; i++)
        mem_free(o->items[i].path);
    mem_free(o->items);
    mem_free(o->beside);
    *o = (struct origins){0};
}

// --- comparing --------------------------------------------------------------------------------

bool origins_has_files(const struct origins *o) {
    for (size_t i = 0; i < o->count; i++)
        if (o->items[i].kind == ORIGIN_FILE)
            return true;
    return false;
}

static const char *changed_ini(const struct origins *o) {
    for (size_t i = 0; i < o->count; i++)
        if (o->items[i].kind != ORIGIN_FILE && look_at(o, &o->items[i]) != o->items[i].look)
            return o->items[i].path;
    return NULL;
}

struct origins_change origins_compare(const struct origins *o) {
    struct origins_change change = {0};
    for (size_t i = 0; i < o->count; i++) {
        const struct origin *origin = &o->items[i];
        uint64_t look = origin->kind == ORIGIN_FILE ? look_at(o, origin) : 0;
        if (look == 0 || look == origin->look)
            continue;
        if (change.count++ == 0)
            change.file = origin->path;
        change.look = hash_slice(slice_of(origin->path), change.look + look);
    }
    if (change.count > 0)
        change.ini = changed_ini(o);
    return change;
}
