#include "daemon/backend/lost.h"

#include <stdio.h>

enum { TLS_ALERT = 21, TLS_MAJOR = 3 }; // how a record of TLS begins (RFC 8446, 5.1)

// A server of TLS that is greeted without closes the connection, or says so in a record.
void lost_tell(char *reason, size_t size, const struct stream *s, int status, bool is_mute) {
    bool may_want_tls = is_mute && !s->tls && s->uv.handle.type == UV_TCP;
    snprintf(reason, size, "%s%s",
             status == UV_EOF ? "the backend closed the connection" : stream_trouble(s, status),
             may_want_tls ? " before any answer (is this a TLS port? use rediss://)" : "");
}

const char *lost_look(const struct stream *s, struct slice answer) {
    bool is_alert = answer.len >= 2 && answer.data[0] == TLS_ALERT && answer.data[1] == TLS_MAJOR;
    return is_alert && !s->tls ? "it answers in TLS: use rediss://" : NULL;
}
