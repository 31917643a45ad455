#include "daemon/backend/lost.h"

#include <stdio.h>

enum { TLS_ALERT = 21, TLS_MAJOR = 3 }; // how a record of TLS begins (RFC 8446, 5.1)

// A server of TLS that is greeted without closes the connection, or says so in a record.
void lost_tell(char *reason, size_t size, const struct stream *s, int status, bool is_mute,
               const char *who, const char *remedy) {
    bool may_want_tls = is_mute && !s->tls && s->uv.handle.type == UV_TCP;
    bool is_closed = status == UV_EOF;
    int len = snprintf(reason, size, "%s%s", is_closed ? who : stream_trouble(s, status),
                       is_closed ? " closed the connection" : "");
    if (may_want_tls && len >= 0 && (size_t)len < size)
        snprintf(reason + len, size - (size_t)len, " before any answer (is this a TLS port? %s)",
                 remedy);
}

bool lost_is_tls(const struct stream *s, struct slice answer) {
    bool is_alert = answer.len >= 2 && answer.data[0] == TLS_ALERT && answer.data[1] == TLS_MAJOR;
    return is_alert && !s->tls;
}

bool lost_is_unknown_command(struct slice *words) {
    if (!slice_begins(*words, SLICE("ERR unknown command")))
        return false;
    const char *arguments = memchr(words->data, ',', words->len);
    if (arguments)
        words->len = (size_t)(arguments - words->data);
    return true;
}

// A sentinel knows few commands.
void lost_tell_refusal(char *reason, size_t size, const char *command, struct slice words) {
    bool is_sentinel =
        lost_is_unknown_command(&words) && slice_equal(slice_of(command), SLICE("MULTI"));
    snprintf(reason, size, "%s refused: %.*s%s", command, (int)(words.len < 120 ? words.len : 120),
             words.data,
             is_sentinel ? ": is it a sentinel? (redis+sentinel://HOST:PORT/MASTER)" : "");
}
