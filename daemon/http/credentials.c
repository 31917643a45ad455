#include "daemon/http/credentials.h"

#include <sodium.h>
#include <strings.h>

enum { LONGEST_HEADER = 8 * 1024 };

// Returns what stands behind "SCHEME " in the header; NULL: it is of another scheme.
static const char *behind_scheme(const char *header, const char *scheme) {
    size_t len = strlen(scheme);
    if (strncasecmp(header, scheme, len) != 0 || header[len] != ' ')
        return NULL;
    return header + len + strspn(header + len, " ");
}

static bool read_basic(const char *encoded, struct credentials *c) {
    size_t len = 0, most = strlen(encoded);
    char *to = bytes_reserve(&c->text, most + 1);
    if (sodium_base642bin((unsigned char *)to, most, encoded, most, NULL, &len, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0)
        return false;
    bytes_grew(&c->text, len);
    const char *colon = memchr(to, ':', len);
    if (!colon)
        return false;
    c->user = (struct slice){to, (size_t)(colon - to)};
    c->token = (struct slice){colon + 1, len - c->user.len - 1};
    c->has_user = true;
    return true;
}

bool credentials_read(const char *header, struct credentials *c) {
    const char *basic = behind_scheme(header, "Basic"), *bearer = behind_scheme(header, "Bearer");
    *c = (struct credentials){0};
    if (strlen(header) > LONGEST_HEADER)
        return false;
    if (basic)
        return read_basic(basic, c);
    if (!bearer || !*bearer)
        return false;
    bytes_append_slice(&c->text, slice_of(bearer));
    c->token = bytes_slice(&c->text);
    return true;
}

void credentials_deinit(struct credentials *c) { bytes_deinit(&c->text); }
