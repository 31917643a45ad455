// Name table: maps names to numbers, for the few look-ups by string that each request needs: its
// verb and its namespace. The table is filled once, then only read. It uses open addressing; at
// most half of the slots are taken.
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

// Makes a table with room for `most` names.
void name_table_init(struct name_table *table, size_t most);
void name_table_deinit(struct name_table *table);

// Adds a name, whose memory must outlive the table. Of equal names the first counts.
void name_table_add(struct name_table *table, struct slice name, uint32_t number);

// Returns the name's number; NAME_TABLE_NONE when the table does not have the name.
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
