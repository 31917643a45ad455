// Index: names → numbers, for the few look-ups by string that each request needs: its verb and its
// namespace. Filled once, then only read. Open addressing; at most half of the slots are taken.
#pragma once

#include "hash.h"

enum { INDEX_NONE = UINT32_MAX };

struct index_slot {
    struct slice name; // not owned; data NULL: free
    uint32_t hash;
    uint32_t number;
};

struct index {
    struct index_slot *slots;
    uint32_t mask;
};

// Room for `most` names.
void index_init(struct index *index, size_t most);
void index_deinit(struct index *index);

// The name's memory must stay where it is. The first of equal names counts.
void index_add(struct index *index, struct slice name, uint32_t number);

// The name's number; INDEX_NONE: it has none.
static inline uint32_t index_find(const struct index *index, struct slice name) {
    uint32_t hash = (uint32_t)hash_slice(name, 0);
    for (uint32_t at = hash & index->mask;; at = (at + 1) & index->mask) {
        const struct index_slot *slot = &index->slots[at];
        if (!slot->name.data)
            return INDEX_NONE;
        if (slot->hash == hash && slice_equal(slot->name, name))
            return slot->number;
    }
}
