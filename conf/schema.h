// Schema: every option of the configuration, one row each. The sample conf/cachesd.ini is held
// against it by a test.
#pragma once

#include "settings.h"

enum section { SECTION_CACHESD, SECTION_BACKEND, SECTION_NAMESPACE, SECTION_USER, SECTION_COUNT };

enum value_type {
    TYPE_DURATION,
    TYPE_SIZE,
    TYPE_COUNT,
    TYPE_PERCENT,
    TYPE_MODE, // octal
    TYPE_BOOL,
    TYPE_CHOICE, // one of `choices`
    TYPE_TEXT,
    TYPE_NAME,
    TYPE_URL,
    TYPE_LISTENS,
    TYPE_COLLECTIONS,
    TYPE_VERBS,
    TYPE_NAMES,
    TYPE_UID,
    TYPE_GID,
    TYPE_TOKEN,
};

struct option_row {
    enum section section;
    const char *name;
    enum value_type type;
    size_t offset;        // of the field in the section's struct
    const char *fallback; // as it would stand in the file; NULL: see `help`
    int64_t least, most;  // DURATION (ms), SIZE, COUNT
    bool zero_is_forever; // DURATION: 0 and forever mean never
    const char *choices;  // "clamp|reject", in the order of the enum
    const char *help;
};

extern const struct option_row schema[];
extern const size_t schema_count;

const char *section_name(enum section section);

// The row of an option; NULL: none. *nearest gets a known name for the message, or NULL.
const struct option_row *schema_find(enum section section, struct slice name, const char **nearest);

// Reads `text` as the row says into the section's struct `target`; "" is the empty value.
// Lists are added to. Returns false with the problem, without its line, in *error.
bool schema_read(const struct option_row *row, struct slice text, void *target,
                 const struct verb_table *verbs, struct bytes *error);

// True for types whose value may repeat or go on over indented lines.
bool schema_is_list(const struct option_row *row);

// Gives back what the row's field owns.
void schema_free(const struct option_row *row, void *target);
