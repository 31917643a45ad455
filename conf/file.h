// File: reads a whole small file.
#pragma once

#include <stdbool.h>

#include "protocol/bytes.h"

// Appends the file's bytes to `text`. Returns 0 or an errno: EFBIG for a file above 16 MB.
int file_read(const char *path, struct bytes *text) __attribute__((warn_unused_result));

// Does the same as file_read(), but looks for a relative path in $CREDENTIALS_DIRECTORY
// (systemd.exec(5), "Credentials"), then in the folder of the file `beside`, which may be NULL.
int file_read_secret(const char *path, const char *beside, struct bytes *text)
    __attribute__((warn_unused_result));

// Replaces *place by the path, with a zero byte, at which file_read_secret() looks first (0), or
// next (1), for want of a readable file at the first. Returns false when there is no such place.
bool file_secret_place(const char *path, const char *beside, unsigned number, struct bytes *place)
    __attribute__((warn_unused_result));
