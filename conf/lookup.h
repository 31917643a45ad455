// Lookup: finds what a section names, or tells that there is no such thing, and what there is.
#pragma once

#include "conf/problems.h"
#include "conf/sections.h"
#include "conf/settings.h"

// The option at `line` of the section "[kind owner]" names a namespace. Returns it; NULL, and a
// problem with the nearest name or those there are, when there is none.
const struct namespace_conf *lookup_namespace(const struct settings *settings, const char *kind,
                                              const char *owner, int line, const char *name,
                                              struct problems *problems);

// Adds the problem that the namespace `owner` names a backend, at `line`, that is not there.
void lookup_miss_backend(const struct settings *settings, const char *owner, int line,
                         const char *name, struct problems *problems);
