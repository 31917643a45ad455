// Wide: libedit's letters (wchar_t) as UTF-8.
#pragma once

#include <wchar.h>

#include "protocol/bytes.h"

// Appends the letters; one that the locale can't write becomes "?".
void wide_append(struct bytes *out, const wchar_t *letters, size_t count);
