#include "twins.h"

#include "index.h"
#include "mem.h"

size_t *twins_find(struct bytes *texts, size_t count) {
    size_t *first = mem_new(count * sizeof(*first));
    struct index index;
    index_init(&index, count);
    for (size_t i = 0; i < count; i++) {
        struct slice text = texts[i].data ? bytes_slice(&texts[i]) : SLICE("");
        uint32_t found = index_find(&index, text);
        first[i] = found == INDEX_NONE ? i : found;
        if (found == INDEX_NONE)
            index_add(&index, text, (uint32_t)i);
    }
    for (size_t i = 0; i < count; i++)
        bytes_deinit(&texts[i]);
    index_deinit(&index);
    return first;
}
