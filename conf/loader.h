// Loader: reads a whole configuration, from its files and the environment, into settings.
//
//   file ──ini──► its sections and options as written ──► its includes, likewise
//     … environment: more backends ──► fit: completed and checked ──► effect: warnings
#pragma once

#include "conf/problems.h"
#include "conf/settings.h"

// The file, and things outside of it that the settings depend on.
struct settings_source {
    const char *file;               // NULL: the built-in default
    const struct verb_table *verbs; // for `deny`
    const char *const *environment; // "NAME=value" …, for dsn.h; NULL-terminated
};

// Reads and checks everything. Returns NULL when anything is wrong, otherwise settings with one
// reference, which the caller owns. *problems gets every error and warning, and the names of the
// files. Blocks on files and the resolver; may be called on any thread.
struct settings *settings_load(const struct settings_source *source, struct problems *problems);
