// Options: the command line of `caches`.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/form_kind.h"
#include "protocol/bytes.h"

struct options {
    const char *address; // -s; NULL: to be looked for
    const char *user;    // NULL: none
    const char *token_file;
    const char *ca, *cert, *key; // "": none
    bool is_local;               // --local
    bool has_kind;               // one of --json, --raw, --csv, --text was given
    enum form_kind kind;
    bool has_no_line_end; // -n
    bool is_quiet;        // -q
    bool wants_value;     // -x: nil is an error
    bool goes_on;         // -k: behind an error
    bool is_colour_off;   // --color=no, or $NO_COLOR
    int64_t timeout_ms;
    int64_t ahead; // how many requests may be under way
    char **words;  // behind the options, NULL-terminated
    size_t word_count;
};

// Reads the command line. Returns true, or false when all is done: *code is the exit code then, and
// help, a version or what is wrong has been printed.
bool options_read(struct options *options, int argc, char **argv, int *code);

// Returns whether a word is an option of `caches`.
bool options_has(const char *word);

// Returns whether one of the words asks for help or the version.
bool options_is_help(int argc, char **argv);

// Prints the long options that begin so, a line each.
void options_print(struct slice begin);
