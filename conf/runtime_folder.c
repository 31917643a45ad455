#include "conf/runtime_folder.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_folder(const char *path) {
    struct stat stat_;
    return path && *path == '/' && stat(path, &stat_) == 0 && S_ISDIR(stat_.st_mode);
}

// Appends the folder that a variable names. RUNTIME_DIRECTORY may list several: the first counts.
static bool append_variable(struct bytes *path, const char *name) {
    const char *value = getenv(name);
    struct bytes first = {0};
    if (!value)
        return false;
    bytes_append(&first, value, strcspn(value, ":"));
    bytes_append(&first, "", 1);
    bool is_usable = is_folder(first.data);
    if (is_usable)
        bytes_append(path, first.data, first.len - 1);
    bytes_deinit(&first);
    return is_usable;
}

static void append_own(struct bytes *path) {
    bytes_printf(path, "/tmp/cachesd-%u", (unsigned)geteuid());
}

void runtime_folder_append(struct bytes *path) {
    if (!append_variable(path, "RUNTIME_DIRECTORY") && !append_variable(path, "XDG_RUNTIME_DIR"))
        append_own(path);
}

const char *runtime_folder_prepare(struct bytes *problem) {
    struct bytes path = {0}, own = {0};
    struct stat found;
    runtime_folder_append(&path);
    append_own(&own);
    bool is_own = slice_equal(bytes_slice(&path), bytes_slice(&own));
    bytes_append(&path, "", 1);
    // Anybody can write in /tmp: another user may have made the folder first, or a link in its
    // place.
    if (is_own && mkdir(path.data, 0700) != 0 && errno != EEXIST)
        bytes_printf(problem, "can't make %s: %s", path.data, strerror(errno));
    else if (is_own && (lstat(path.data, &found) != 0 || !S_ISDIR(found.st_mode)))
        bytes_printf(problem, "%s is not a folder", path.data);
    else if (is_own && found.st_uid != geteuid())
        bytes_printf(problem,
                     "%s belongs to another user: set XDG_RUNTIME_DIR, or listen = in a "
                     "configuration file",
                     path.data);
    else if (is_own && (found.st_mode & 077) != 0 && chmod(path.data, 0700) != 0)
        bytes_printf(problem, "can't make %s private: %s", path.data, strerror(errno));
    bytes_deinit(&path);
    bytes_deinit(&own);
    return problem->len > 0 ? problem->data : NULL;
}
