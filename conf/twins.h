// Twins: which of many texts are equal, in a time that is proportional to their number.
#pragma once

#include "protocol/bytes.h"

// For each of the texts, the number of the first that is equal to it. Empties the texts. The
// result is the caller's to free.
size_t *twins_find(struct bytes *texts, size_t count) __attribute__((warn_unused_result));
