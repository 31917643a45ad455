// Schema: every option of the configuration, one row each. The sample conf/cachesd.ini is held
// against it by a test.
#pragma once

#include "conf/sections.h"
#include "protocol/bytes.h"

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
    TYPE_INCLUDES,
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

// The row of an option; NULL: there is none.
const struct option_row *schema_find(enum section section, struct slice name);

// The name of an option of that section which is much like this one; NULL: there is none.
const char *schema_nearest(enum section section, struct slice name);

// Where the section keeps the line of that option.
int *schema_place(struct section_conf *common, const struct option_row *row);

bool schema_is_given(const struct section_conf *common, enum section section, const char *name);

// The option's line; that of its section when it is not given.
int schema_line(const struct section_conf *common, enum section section, const char *name);
