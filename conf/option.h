// Option: reads the value of one option from its text into the struct of its section.
#pragma once

#include "conf/schema.h"
#include "protocol/bytes.h"

// Reads `text` as the row says into the section's struct `target`; "" is the empty value. The items
// of a list are added to it. Returns false when the text is wrong: *error says why, without the
// line.
bool option_read(const struct option_row *row, struct slice text, void *target,
                 const struct verb_table *verbs, struct bytes *error)
    __attribute__((warn_unused_result));

// Returns whether the option's value may go on over indented lines.
bool option_is_list(const struct option_row *row);

// Returns whether the option may be given more than once in its section.
bool option_may_repeat(const struct option_row *row);

// Returns whether the option has the same value in two sections `a` and `b` of its kind.
bool option_is_same(const struct option_row *row, const void *a, const void *b);

// Frees the memory that the row's field owns.
void option_free(const struct option_row *row, void *target);

// Reads the row's default into the section's struct `target`. The items of a list are added to it.
void option_set_default(const struct option_row *row, void *target);

// Gives each option of a new section its default. Lists stay empty.
void option_set_defaults(void *target, enum section section);
