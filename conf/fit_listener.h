// Fit listener: finds the namespaces that a listener names, and checks that keys tell them apart.
#pragma once

#include "conf/problems.h"
#include "conf/sections.h"
#include "conf/settings.h"

// Completes the listener, which is one of the settings', whose namespaces are complete.
void fit_listener(const struct settings *settings, struct listener_conf *listener,
                  struct problems *problems);
