// Fit TLS: makes the TLS contexts of a configuration, of the files that it names.
#pragma once

#include "conf/origins.h"
#include "conf/problems.h"
#include "conf/sections.h"
#include "conf/settings.h"

// Returns whether the backend has a server that is reached over TLS.
bool fit_tls_is_used(const struct backend_conf *b);

// Makes the context for the backend's servers. Its files are added to *origins.
void fit_tls_client(struct backend_conf *b, struct origins *origins, struct problems *problems);

// Makes the context for clients, if there is an address for clients with TLS.
void fit_tls_server(struct settings *settings, struct problems *problems);
