#include "client/wide.h"

#include <limits.h>

void wide_append(struct bytes *out, const wchar_t *letters, size_t count) {
    mbstate_t state = {0};
    for (size_t i = 0; i < count; i++) {
        size_t len = wcrtomb(bytes_reserve(out, MB_LEN_MAX), letters[i], &state);
        if (len != (size_t)-1) {
            bytes_grew(out, len);
            continue;
        }
        bytes_append_literal(out, "?");
        state = (mbstate_t){0};
    }
}
