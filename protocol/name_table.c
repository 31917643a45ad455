#include "protocol/name_table.h"

#include "protocol/mem.h"

void name_table_init(struct name_table *table, size_t most) {
    uint32_t slots = 8;
    while (slots < 2 * most)
        slots *= 2;
    *table =
        (struct name_table){.slots = mem_new(slots * sizeof(*table->slots)), .mask = slots - 1};
}

void name_table_deinit(struct name_table *table) {
    mem_free(table->slots);
    *table = (struct name_table){0};
}

void name_table_add(struct name_table *table, struct slice name, uint32_t number) {
    uint32_t hash = (uint32_t)hash_slice(name, 0), at = hash & table->mask;
    while (table->slots[at].name.data)
        at = (at + 1) & table->mask;
    table->slots[at] = (struct name_table_slot){name, hash, number};
}
