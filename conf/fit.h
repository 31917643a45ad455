// Fit: what the options of a configuration mean together, and what is wrong with that.
#pragma once

#include "conf/problems.h"
#include "conf/settings.h"

// Completes the settings, in which everything stands as the file says; reports what does not fit.
void fit_settings(struct settings *settings, struct problems *problems);
