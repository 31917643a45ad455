#include "conf/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

bool file_secret_place(const char *path, const char *beside, unsigned number, struct bytes *place) {
    const char *credentials = *path == '/' ? NULL : getenv("CREDENTIALS_DIRECTORY");
    const char *slash = beside && *path != '/' ? strrchr(beside, '/') : NULL;
    place->len = 0;
    if (credentials && number == 0)
        bytes_printf(place, "%s/", credentials);
    else if (number > (credentials ? 1 : 0))
        return false;
    else if (slash)
        bytes_append(place, beside, (size_t)(slash + 1 - beside));
    bytes_append(place, path, strlen(path) + 1);
    return true;
}

int file_read_secret(const char *path, const char *beside, struct bytes *text) {
    struct bytes place = {0};
    int error = ENOENT;
    for (unsigned i = 0; error && file_secret_place(path, beside, i, &place); i++)
        error = file_read(place.data, text);
    bytes_deinit(&place);
    return error;
}
