// Fit: completes options of a configuration that depend on each other, and checks them together.
#pragma once

#include "conf/problems.h"
#include "conf/settings.h"

// Completes the settings, which hold the values of the file, and reports those that do not fit.
void fit_settings(struct settings *settings, struct problems *problems);
