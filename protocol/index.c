#include "index.h"

#include "mem.h"

void index_init(struct index *index, size_t most) {
    uint32_t slots = 8;
    while (slots < 2 * most)
        slots *= 2;
    *index = (struct index){.slots = mem_new(slots * sizeof(*index->slots)), .mask = slots - 1};
}

void index_deinit(struct index *index) {
    mem_free(index->slots);
    *index = (struct index){0};
}

void index_add(struct index *index, struct slice name, uint32_t number) {
    uint32_t hash = (uint32_t)hash_slice(name, 0), at = hash & index->mask;
    while (index->slots[at].name.data)
        at = (at + 1) & index->mask;
    index->slots[at] = (struct index_slot){name, hash, number};
}
