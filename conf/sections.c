#include "conf/sections.h"

#include "protocol/mem.h"

bool names_are_same(const struct names *a, const struct names *b) {
    bool is_same = a->count == b->count && a->has_all == b->has_all;
    for (size_t i = 0; is_same && i < a->count; i++)
        is_same = strcmp(a->items[i], b->items[i]) == 0;
    return is_same;
}

void names_free(struct names *names) {
    for (size_t i = 0; i < names->count; i++)
        mem_free(names->items[i]);
    mem_free(names->items);
}

bool section_is_name(struct slice name) {
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i], lower = (char)(c | 0x20);
        if (!(lower >= 'a' && lower <= 'z') && !(c >= '0' && c <= '9') && c != '_' && c != '.' &&
            c != '-')
            return false;
    }
    return name.len >= 1 && name.len <= 64;
}
