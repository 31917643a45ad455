// File: reading a whole small file.
#pragma once

#include "protocol/bytes.h"

// Appends the file's bytes to `text`. Returns 0 or an errno. A file above 16 MB is EFBIG.
int file_read(const char *path, struct bytes *text) __attribute__((warn_unused_result));

// As file_read(). A relative path is looked for in $CREDENTIALS_DIRECTORY (systemd.exec(5),
// "Credentials"), then in the folder of `beside`, which may be NULL.
int file_read_secret(const char *path, const char *beside, struct bytes *text)
    __attribute__((warn_unused_result));
