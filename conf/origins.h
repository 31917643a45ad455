// Origins: the files that settings were made of, and how each of them looked then, so that somebody
// can find out later whether they are still the same.
//
// A file is added before it is read: when it changes meanwhile, it counts as changed, and never the
// other way round.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/bytes.h"

enum origin_kind {
    ORIGIN_TEXT,    // an INI file, known by its bytes: one that is only touched is the same
    ORIGIN_PATTERN, // the names of the INI files that an `include` finds
    ORIGIN_FILE,    // another file, or OpenSSL's folder of certificates, known by stat()
};

struct origin {
    enum origin_kind kind;
    char *path;
    uint64_t look; // a hash of what was there; 0: nothing
};

struct origins {
    struct origin *items;
    size_t count;
    char *beside; // the file that the patterns stand in; NULL: none
};

void origins_add_text(struct origins *o, const char *path, struct slice text);

// Adds the pattern of an `include` in the file `beside`, which is the same for all of them.
void origins_add_pattern(struct origins *o, const char *pattern, const char *beside);
void origins_add_file(struct origins *o, const char *path);

// Adds the file that file_read_secret() would read, and those that it would read instead, were they
// there.
void origins_add_secret(struct origins *o, const char *path, const char *beside);
void origins_deinit(struct origins *o);

// Returns whether there is any file besides the INI files.
bool origins_has_files(const struct origins *o);

struct origins_change {
    const char *file; // the first that has changed, besides INI files; NULL: none has
    size_t count;     // how many of these have changed
    const char *ini;  // an INI file, or a pattern, that is another now, too; NULL: none is
    uint64_t look;    // another one when the files that have changed are others, or change again
};

// Compares the files with what they were. A file that is gone is no change until it is back; an INI
// file that is gone is one. The names belong to *o. Blocks on files; may be called on any thread.
struct origins_change origins_compare(const struct origins *o);
