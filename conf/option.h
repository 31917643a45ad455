// Option: the value of one option, from its text into the struct of its section.
#pragma once

#include "conf/schema.h"
#include "protocol/bytes.h"

// Reads `text` as the row says into the section's struct `target`; "" is the empty value.
// Lists are added to. Returns false with the problem, without its line, in *error.
bool option_read(const struct option_row *row, struct slice text, void *target,
                 const struct verb_table *verbs, struct bytes *error)
    __attribute__((warn_unused_result));

// True for types whose value may go on over indented lines.
bool option_is_list(const struct option_row *row);

// True for lists whose option may stand in its section more than once.
bool option_may_repeat(const struct option_row *row);

// Whether the option has the same value in two sections of its kind.
bool option_is_same(const struct option_row *row, const void *a, const void *b);

// Gives back what the row's field owns.
void option_free(const struct option_row *row, void *target);

// Reads the row's default into the section's struct `target`. A list is added to.
void option_set_default(const struct option_row *row, void *target);

// Gives each option of a new section its default. Lists stay empty.
void option_set_defaults(void *target, enum section section);
