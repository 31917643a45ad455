// Value: whether a value is of the kind that its namespace asks for.
#pragma once

#include "conf/sections.h"
#include "protocol/bytes.h"

// NULL, or what it should have been.
const char *value_problem(enum value_kind kind, struct slice value);
