// Twins: finds out which of many texts are equal, in a time proportional to their number.
#pragma once

#include "protocol/bytes.h"

// Returns, for each of the texts, the number of the first text that is equal to it. Empties the
// texts. The caller frees the result.
size_t *twins_find(struct bytes *texts, size_t count) __attribute__((warn_unused_result));
