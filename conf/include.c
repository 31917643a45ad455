#include "conf/include.h"

#include <errno.h>
#include <glob.h>
#include <sys/stat.h>

#include "protocol/bytes.h"
#include "protocol/mem.h"

// The folder's own name is escaped, so that it is not part of the pattern.
static void append_escaped(struct bytes *text, struct slice folder) {
    for (size_t i = 0; i < folder.len; i++) {
        if (strchr("*?[\\", folder.data[i]))
            bytes_append_literal(text, "\\");
        bytes_append(text, folder.data + i, 1);
    }
}

static int is_in_the_way(const char *path, int error) {
    (void)path;
    return error != ENOENT;
}

static const char *take(glob_t *found, int code, const char *pattern, struct include_files *files) {
    files->is_pattern = strpbrk(pattern, "*?[");
    if (code == GLOB_ABORTED)
        return "a folder can't be read";
    if (code == GLOB_NOMATCH)
        return NULL;
    if (code != 0)
        mem_out();
    files->items = mem_new(found->gl_pathc * sizeof(*files->items));
    for (; files->count < found->gl_pathc; files->count++)
        files->items[files->count].path = mem_text(found->gl_pathv[files->count]);
    return NULL;
}

const char *include_find(const char *pattern, const char *beside, struct include_files *files) {
    struct bytes full = {0};
    glob_t found = {0};
    const char *slash = strrchr(beside, '/');
    if (*pattern != '/' && slash)
        append_escaped(&full, (struct slice){beside, (size_t)(slash + 1 - beside)});
    bytes_append(&full, pattern, strlen(pattern) + 1);
    *files = (struct include_files){0};
    // glob() sorts byte by byte, because no locale is set.
    const char *error = take(&found, glob(full.data, 0, is_in_the_way, &found), pattern, files);
    globfree(&found);
    bytes_deinit(&full);
    return error;
}

void include_files_deinit(struct include_files *files) {
    for (size_t i = 0; i < files->count; i++)
        mem_free(files->items[i].path);
    mem_free(files->items);
    *files = (struct include_files){0};
}

bool include_note(struct include_files *seen, const char *path) {
    struct stat found;
    if (stat(path, &found) != 0)
        return true; // reading the file will tell why it fails
    for (size_t i = 0; i < seen->count; i++)
        if (seen->items[i].device == found.st_dev && seen->items[i].inode == found.st_ino)
            return false;
    seen->items = mem_grow(seen->items, seen->count, sizeof(*seen->items));
    seen->items[seen->count++] = (struct include_file){
        .path = mem_text(path), .device = found.st_dev, .inode = found.st_ino};
    return true;
}
