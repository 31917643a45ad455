#include "daemon/request/hot_keys.h"

#include <stdlib.h>

#include "protocol/hash.h"
#include "protocol/mem.h"

static struct hot_key *find(struct hot_key *keys, size_t count, const struct hot_key *k) {
    for (size_t i = 0; i < count; i++)
        if (keys[i].hash == k->hash && keys[i].key_len == k->key_len &&
            keys[i].name_len == k->name_len && memcmp(keys[i].key, k->key, k->key_len) == 0 &&
            memcmp(keys[i].name, k->name, k->name_len) == 0)
            return &keys[i];
    return NULL;
}

static struct hot_key *rarest(struct hot_keys *h) {
    struct hot_key *least = &h->slots[0];
    for (size_t i = 1; i < h->count; i++)
        if (h->slots[i].count < least->count)
            least = &h->slots[i];
    return least;
}

static size_t copy(char *to, size_t most, struct slice text) {
    size_t len = text.len < most ? text.len : most;
    if (len > 0)
        memcpy(to, text.data, len);
    return len;
}

void hot_keys_add(struct hot_keys *h, struct slice name, struct slice key) {
    struct hot_key k = {.count = 1, .hash = hash_slice(key, 0)};
    k.key_len = copy(k.key, sizeof(k.key), key);
    k.name_len = copy(k.name, sizeof(k.name), name);
    struct hot_key *found = find(h->slots, h->count, &k);
    if (found) {
        found->count++;
        return;
    }
    if (h->count < HOT_KEYS_SLOTS) {
        h->slots[h->count++] = k;
        return;
    }
    struct hot_key *least = rarest(h);
    k.error = least->count;
    k.count = least->count + 1;
    *least = k;
}

// --- merging ----------------------------------------------------------------------------------

// Returns how many samples a key may have had that has no slot.
static uint64_t missing(const struct hot_keys *h) {
    return h->count < HOT_KEYS_SLOTS ? 0 : rarest((struct hot_keys *)h)->count;
}

void hot_list_merge(struct hot_list *list, const struct hot_keys *h) {
    uint64_t unseen = missing(h);
    size_t before = list->count;
    list->items = mem_resize(list->items, (before + h->count + 1) * sizeof(*list->items));
    for (size_t i = 0; i < before; i++) {
        struct hot_key *item = &list->items[i];
        const struct hot_key *other = find((struct hot_key *)h->slots, h->count, item);
        item->count += other ? other->count : unseen;
        item->error += other ? other->error : unseen;
    }
    for (size_t i = 0; i < h->count; i++) {
        if (find(list->items, before, &h->slots[i]))
            continue;
        struct hot_key *item = &list->items[list->count++];
        *item = h->slots[i];
        item->count += list->floor;
        item->error += list->floor;
    }
    list->floor += unseen;
}

static int compare(const void *a, const void *b) {
    const struct hot_key *left = a, *right = b;
    return (left->count < right->count) - (left->count > right->count);
}

void hot_list_sort(struct hot_list *list) {
    if (list->count > 0)
        qsort(list->items, list->count, sizeof(*list->items), compare);
}

void hot_list_deinit(struct hot_list *list) { mem_free(list->items); }
