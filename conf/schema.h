// Schema: every option of the configuration, one row each. A test compares the sample
// conf/cachesd.ini with these rows.
#pragma once

#include "conf/sections.h"
#include "protocol/bytes.h"

enum section {
    SECTION_CACHESD,
    SECTION_HTTP,
    SECTION_LISTENER,
    SECTION_BACKEND,
    SECTION_NAMESPACE,
    SECTION_USER,
    SECTION_COUNT
};

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
    TYPE_SEEDS,
    TYPE_LISTENS,
    TYPE_INCLUDES,
    TYPE_COLLECTIONS,
    TYPE_VERBS,
    TYPE_NAMES,
    TYPE_SELECTS,
    TYPE_UID,
    TYPE_GID,
    TYPE_TOKEN,
    TYPE_TLS_NAMES,
    TYPE_HOSTS,
};

struct option_row {
    enum section section;
    const char *name;
    enum value_type type;
    size_t offset;        // of the field in the section's struct
    const char *fallback; // the default, as the file would write it; NULL: see `help`
    int64_t least, most;  // DURATION (ms), SIZE, COUNT
    bool zero_is_forever; // DURATION: 0 and forever mean never
    const char *choices;  // "clamp|reject", in the order of the enum
    bool needs_restart;   // a reload that changes the option is refused
    const char *help;
};

extern const struct option_row schema[];
extern const size_t schema_count;

const char *section_name(enum section section);

// Returns the row of an option; NULL when there is no such option.
const struct option_row *schema_find(enum section section, struct slice name);

// Returns the name of the section's option that is most like this name; NULL when none is near.
const char *schema_nearest(enum section section, struct slice name);

// Returns where the section keeps the line of that option.
int *schema_place(struct section_conf *common, const struct option_row *row);

bool schema_is_given(const struct section_conf *common, enum section section, const char *name);

// Returns the option's line, or the section's line when the option is not given.
int schema_line(const struct section_conf *common, enum section section, const char *name);
