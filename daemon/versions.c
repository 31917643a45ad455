#include "daemon/versions.h"

#include <microhttpd.h>
#include <openssl/crypto.h>
#include <sodium.h>
#include <uv.h>
#include <yajl/yajl_version.h>

#ifdef HAS_PROBES
#define PROBES "with probes"
#else
#define PROBES "without probes"
#endif
#ifdef NDEBUG
#define ASSERTS "without asserts"
#else
#define ASSERTS "with asserts"
#endif

void versions_append(struct bytes *text) {
    int yajl = yajl_version();
    bytes_printf(text, "libuv %s, OpenSSL %s, libmicrohttpd %s, libsodium %s, yajl %d.%d.%d\n",
                 uv_version_string(), OpenSSL_version(OPENSSL_VERSION_STRING), MHD_get_version(),
                 sodium_version_string(), yajl / 10000, yajl / 100 % 100, yajl % 100);
    bytes_append_literal(text, "built by " COMPILER ", " PROBES ", " ASSERTS "\n");
}
