#include "conf/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { LARGEST = 16 * 1024 * 1024, STEP = 16 * 1024 };

int file_read(const char *path, struct bytes *text) {
    FILE *file = fopen(path, "re");
    if (!file)
        return errno;
    int error = 0;
    while (!error) {
        errno = 0;
        size_t got = fread(bytes_reserve(text, STEP), 1, STEP, file);
        bytes_grew(text, got);
        if (got < STEP) {
            error = ferror(file) ? (errno ? errno : EIO) : 0;
            break;
        }
        if (text->len > LARGEST)
            error = EFBIG;
    }
    fclose(file);
    return error;
}

// Reads `folder`/`path`.
static int read_in(struct slice folder, const char *path, struct bytes *text) {
    struct bytes full = {0};
    bytes_append_slice(&full, folder);
    bytes_printf(&full, "/%s", path);
    bytes_append(&full, "", 1);
    int error = file_read(full.data, text);
    bytes_deinit(&full);
    return error;
}

int file_read_secret(const char *path, const char *beside, struct bytes *text) {
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    const char *slash = beside ? strrchr(beside, '/') : NULL;
    if (*path == '/')
        return file_read(path, text);
    if (credentials && read_in(slice_of(credentials), path, text) == 0)
        return 0;
    return slash ? read_in((struct slice){beside, (size_t)(slash - beside)}, path, text)
                 : file_read(path, text);
}
