#include "daemon/http/page.h"

#include <sodium.h>

#include "daemon/http/page_text.h"

enum { NONCE_BYTES = 16, NONCE_SIZE = sodium_base64_ENCODED_LEN(16, 1) };

#define PLACE "{nonce}"

_Static_assert(sodium_base64_VARIANT_ORIGINAL == 1, "NONCE_SIZE is the size in this variant");

static void make_nonce(char *nonce) {
    unsigned char random[NONCE_BYTES];
    randombytes_buf(random, sizeof(random));
    sodium_bin2base64(nonce, NONCE_SIZE, random, sizeof(random), sodium_base64_VARIANT_ORIGINAL);
}

void page_append(struct bytes *page, struct bytes *policy) {
    const char *at = page_text, *end = page_text + page_text_len, *place;
    char nonce[NONCE_SIZE];
    make_nonce(nonce);
    while ((place = memmem(at, (size_t)(end - at), PLACE, strlen(PLACE)))) {
        bytes_append(page, at, (size_t)(place - at));
        bytes_append_slice(page, slice_of(nonce));
        at = place + strlen(PLACE);
    }
    bytes_append(page, at, (size_t)(end - at));
    bytes_printf(policy,
                 "default-src 'none'; style-src 'nonce-%s'; script-src 'nonce-%s'; connect-src "
                 "'self'; img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action "
                 "'none'",
                 nonce, nonce);
    bytes_append(policy, "", 1);
}
