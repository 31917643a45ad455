// Loader: a whole configuration, from its files and the environment, into settings.
//
//   file ──ini──► sections and options as they stand there ──► its includes, likewise
//     … environment: more backends ──► fit: what they mean together ──► effect: warnings
#pragma once

#include "conf/problems.h"
#include "conf/settings.h"

// Things outside of a file to which it may refer.
struct settings_source {
    const char *file;               // NULL: the built-in default
    const struct verb_table *verbs; // for `deny`
    const char *const *environment; // "NAME=value" …: CACHES_DSN and its kin; NULL-terminated
};

// Reads and checks everything; NULL when anything is wrong. *problems gets every error and warning,
// and the names of the files. May be called on any thread: it blocks on files and the resolver.
struct settings *settings_load(const struct settings_source *source, struct problems *problems);
