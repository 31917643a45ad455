// Value: checks that a value is of the kind that its namespace asks for.
#pragma once

#include "conf/sections.h"
#include "protocol/bytes.h"

// Returns NULL when the value is of that kind, otherwise the name of the kind: "JSON", say.
const char *value_problem(enum value_kind kind, struct slice value);
