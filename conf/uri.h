// Uri: reads the parts that URLs of backends and addresses of listeners have in common.
#pragma once

#include "protocol/bytes.h"

enum { URI_LONGEST_PATH = 107 }; // sun_path holds 108 bytes with its end

// Cuts *s at the first `mark`: *s keeps the part before the mark, and the part after it is
// returned. Without a mark *s stays whole and the result has no data.
struct slice uri_cut(struct slice *s, char mark);

// Returns a copy with %XX decoded (RFC 3986, section 2.1), which the caller frees; NULL when an
// escape is broken or stands for a NUL.
char *uri_decode(struct slice s) __attribute__((warn_unused_result));

// The readers below return NULL, or a text that says why `s` is wrong, and shows no part of `s`.

// Decodes into *field, whose old text is freed.
const char *uri_read_text(struct slice s, char **field) __attribute__((warn_unused_result));

// Reads HOST[:PORT] or [V6][:PORT]. Without a port, *port stays unchanged.
const char *uri_read_host(struct slice s, char **host, int *port)
    __attribute__((warn_unused_result));

// Reads and decodes the absolute path of a Unix socket.
const char *uri_read_path(struct slice s, char **path) __attribute__((warn_unused_result));

// Appends HOST:PORT, an IPv6 address in brackets.
void uri_append_host(struct bytes *out, const char *host, int port);
