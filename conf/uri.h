// Uri: the pieces that URLs of backends and addresses of listeners have in common.
#pragma once

#include "protocol/bytes.h"

enum { URI_LONGEST_PATH = 107 }; // sun_path holds 108 bytes with its end

// Cuts `s` at the first `mark`: *s keeps what stands before it, the result is what follows.
// Without a mark *s stays whole and the result has no data.
struct slice uri_cut(struct slice *s, char mark);

// A copy with %XX decoded (RFC 3986, section 2.1); NULL when an escape is broken or hides a NUL.
char *uri_decode(struct slice s) __attribute__((warn_unused_result));

// The readers return NULL, or words that say what is wrong; they show nothing of the text.

// Decodes into *field, whose old text is freed.
const char *uri_read_text(struct slice s, char **field) __attribute__((warn_unused_result));

// HOST[:PORT] or [V6][:PORT]; *port is left alone when there is none.
const char *uri_read_host(struct slice s, char **host, int *port)
    __attribute__((warn_unused_result));

// The absolute path of a Unix socket, decoded.
const char *uri_read_path(struct slice s, char **path) __attribute__((warn_unused_result));

// Appends HOST:PORT, an IPv6 address in brackets.
void uri_append_host(struct bytes *out, const char *host, int port);
