// Certificate fault: a text for people on what is wrong with a server's certificate.
#pragma once

#include <openssl/x509v3.h>

#include "conf/tls_context.h"

// Writes what the check has found. `host` is whom the certificate should be for, and `terms` name
// what would mend it.
void certificate_fault_tell(char *text, size_t size, X509_STORE_CTX *check, const char *host,
                            const struct tls_terms *terms);
