#include "daemon/policy/mapping.h"

#include "protocol/mem.h"

// Returns whether the key stands before the prefix in the order of the prefixes, and so cannot
// begin with it.
static bool is_before(struct slice key, struct slice prefix) {
    size_t shorter = key.len < prefix.len ? key.len : prefix.len;
    int order = shorter > 0 ? memcmp(key.data, prefix.data, shorter) : 0;
    return order < 0 || (order == 0 && key.len < prefix.len);
}

// Since no prefix begins with another, only the last one that does not stand behind the key can be
// the beginning of it.
struct namespace *mapping_find(const struct mapping *m, struct slice key, bool *whole) {
    size_t low = 0, high = m->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (is_before(key, m->prefixes[middle]))
            high = middle;
        else
            low = middle + 1;
    }
    *whole = low > 0 && slice_begins(key, m->prefixes[low - 1]);
    return *whole ? m->by_prefix[low - 1] : m->rest;
}

bool mapping_select(const struct mapping *m, int64_t number, struct namespace **bound) {
    *bound = NULL;
    for (size_t i = 0; i < m->conf->select_count && !*bound; i++)
        if (m->conf->selects[i].number == number)
            *bound = m->selected[i];
    return *bound || number == 0;
}

static bool has(struct namespace *const *list, size_t count, const struct namespace *namespace) {
    for (size_t i = 0; i < count; i++)
        if (list[i] == namespace)
            return true;
    return false;
}

bool mapping_reaches(const struct mapping *m, const struct namespace *namespace) {
    return namespace == m->bound || namespace == m->rest ||
           has(m->by_prefix, m->count, namespace) ||
           has(m->selected, m->conf->select_count, namespace);
}

void mapping_deinit(struct mapping *m) {
    mem_free(m->by_prefix);
    mem_free(m->prefixes);
    mem_free(m->selected);
}
