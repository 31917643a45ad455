#include "protocol/collection.h"

#include "protocol/verb.h"

// Each table of verbs is in the file of its collection.
extern const struct verb any_verbs[];
#define X(NAME, name) extern const struct verb name##_verbs[];
COLLECTIONS(X)
#undef X

static const struct {
    const char *name;
    const struct verb *verbs;
} collections[] = {
    [COLLECTION_ANY] = {"any", any_verbs},
#define X(NAME, name) [COLLECTION_##NAME] = {#name, name##_verbs},
    COLLECTIONS(X)
#undef X
        [COLLECTION_NONE] = {"connection", NULL},
};

const char *collection_name(enum collection collection) { return collections[collection].name; }

const struct verb *collection_verbs(enum collection collection) {
    return collections[collection].verbs;
}

enum collection collection_find(struct slice name) {
    int i = COLLECTION_FIRST;
    while (i < COLLECTION_END && !slice_equal(name, slice_of(collections[i].name)))
        i++;
    return i < COLLECTION_END ? (enum collection)i : COLLECTION_NONE;
}

void collection_append_names(struct bytes *out, const char *last) {
    for (int i = COLLECTION_FIRST; i < COLLECTION_END; i++)
        bytes_printf(out, "%s%s",
                     i == COLLECTION_FIRST     ? ""
                     : i == COLLECTION_END - 1 ? last
                                               : ", ",
                     collections[i].name);
}
