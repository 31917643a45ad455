// Include: finds the files that an `include` names.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct include_file {
    char *path; // owned
    dev_t device;
    ino_t inode;
};

struct include_files {
    struct include_file *items; // sorted by path
    size_t count;
    bool is_pattern; // the name has * ? or [, and may match no file
};

// Finds the files that match `pattern`, which is relative to the folder of the file `beside`.
// Returns NULL, or a text that says why they can't be found. Blocks on folders.
const char *include_find(const char *pattern, const char *beside, struct include_files *files)
    __attribute__((warn_unused_result));
void include_files_deinit(struct include_files *files);

// Adds a file to those that have been read. Returns false when the file is one of them already,
// also under another name.
bool include_note(struct include_files *seen, const char *path);
