#include "conf/twins.h"

#include "protocol/mem.h"
#include "protocol/name_table.h"

size_t *twins_find(struct bytes *texts, size_t count) {
    size_t *first = mem_new(count * sizeof(*first));
    struct name_table numbers;
    name_table_init(&numbers, count);
    for (size_t i = 0; i < count; i++) {
        struct slice text = texts[i].data ? bytes_slice(&texts[i]) : SLICE("");
        uint32_t found = name_table_find(&numbers, text);
        first[i] = found == NAME_TABLE_NONE ? i : found;
        if (found == NAME_TABLE_NONE)
            name_table_add(&numbers, text, (uint32_t)i);
    }
    for (size_t i = 0; i < count; i++)
        bytes_deinit(&texts[i]);
    name_table_deinit(&numbers);
    return first;
}
