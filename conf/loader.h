// Loader: sections and options of a configuration and the files that it includes, as they stand
// there, into a settings' structs. How they fit together is fit.h's.
#pragma once

#include "settings.h"

// Returns false when the file itself can't be read.
bool loader_read(const struct settings_source *source, struct settings *settings,
                 struct problems *problems);
