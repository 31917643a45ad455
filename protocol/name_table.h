// Name table: names → numbers, for the few look-ups by string that each request needs: its verb and
// its namespace. Filled once, then only read. Open addressing; at most half of the slots are taken.
#pragma once

#include "protocol/bytes.h"
#include "protocol/hash.h"

enum { NAME_TABLE_NONE = UINT32_MAX };

struct name_table_slot {
    struct slice name; // not owned; data NULL: free
    uint32_t hash;
    uint32_t number;
};

struct name_table {
    struct name_table_slot *slots;
    uint32_t mask;
};

// Room for `most` names.
void name_table_init(struct name_table *table, size_t most);
void name_table_deinit(struct name_table *table);

// The name's memory must stay where it is. The first of equal names counts.
void name_table_add(struct name_table *table, struct slice name, uint32_t number);

// The name's number; NAME_TABLE_NONE: it has none.
static inline uint32_t name_table_find(const struct name_table *table, struct slice name) {
    uint32_t hash = (uint32_t)hash_slice(name, 0);
    for (uint32_t at = hash & table->mask;; at = (at + 1) & table->mask) {
        const struct name_table_slot *slot = &table->slots[at];
        if (!slot->name.data)
            return NAME_TABLE_NONE;
        if (slot->hash == hash && slice_equal(slot->name, name))
            return slot->number;
    }
}
