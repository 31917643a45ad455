#include "conf/uri.h"

#include "protocol/mem.h"
#include "protocol/number.h"

#define IN_BRACKETS "an IPv6 address must stand in brackets, as [::1]:6379"

struct slice uri_cut(struct slice *s, char mark) {
    const char *at = s->len > 0 ? memchr(s->data, mark, s->len) : NULL;
    if (!at)
        return (struct slice){0};
    struct slice rest = {at + 1, s->len - (size_t)(at + 1 - s->data)};
    s->len = (size_t)(at - s->data);
    return rest;
}

char *uri_decode(struct slice s) {
    char *text = mem_text_of(s.data ? s.data : "", s.len), *to = text;
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] != '%') {
            *to++ = s.data[i];
            continue;
        }
        int high = i + 2 < s.len ? number_hex_digit(s.data[i + 1]) : -1;
        int low = i + 2 < s.len ? number_hex_digit(s.data[i + 2]) : -1;
        if (high < 0 || low < 0 || (high == 0 && low == 0)) {
            mem_free(text);
            return NULL;
        }
        *to++ = (char)(high << 4 | low);
        i += 2;
    }
    *to = '\0';
    return text;
}

const char *uri_read_text(struct slice s, char **field) {
    mem_free(*field);
    *field = uri_decode(s);
    return *field ? NULL : "a bad % escape";
}

static bool is_host_name(struct slice s) {
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i], lower = c | 0x20;
        if (!(lower >= 'a' && lower <= 'z') && !(c >= '0' && c <= '9') && !strchr("._-", c) &&
            c < 0x80)
            return false;
    }
    return true;
}

static bool is_number(struct slice s) {
    for (size_t i = 0; i < s.len; i++)
        if (number_hex_digit(s.data[i]) < 0 && s.data[i] != ':' && s.data[i] != '.')
            return false;
    return s.len > 0;
}

// Cuts "[V6]" and an optional ":PORT" into their parts.
static const char *cut_brackets(struct slice s, struct slice *name, struct slice *port) {
    *name = (struct slice){s.data + 1, s.len - 1};
    struct slice rest = uri_cut(name, ']');
    struct slice number = *name, scope = uri_cut(&number, '%'); // of a link-local address
    if (!rest.data || (rest.len > 0 && *rest.data != ':') || !is_host_name(scope) ||
        !is_number(number))
        return IN_BRACKETS;
    *port = rest.len > 0 ? (struct slice){rest.data + 1, rest.len - 1} : (struct slice){0};
    return NULL;
}

static const char *cut_host(struct slice s, struct slice *name, struct slice *port) {
    if (s.len > 1 && memmem(s.data, s.len, "//", 2))
        return "HOST:PORT alone belongs here, without //";
    if (s.len > 0 && *s.data == '[')
        return cut_brackets(s, name, port);
    if (s.len > 0 && memchr(s.data, ',', s.len))
        return "a single HOST:PORT belongs here, not a list";
    *name = s;
    *port = uri_cut(name, ':');
    if (port->data && memchr(port->data, ':', port->len))
        return IN_BRACKETS;
    return is_host_name(*name) ? NULL : "the host must be a name or an address";
}

const char *uri_read_host(struct slice s, char **host, int *port) {
    struct slice name = {0}, digits = {0};
    int64_t number = 0;
    const char *error = cut_host(s, &name, &digits);
    if (!error && digits.data) {
        if (!number_parse_int(digits, &number) || number < 1 || number > 65535)
            error = "the port must be 1 to 65535";
        else
            *port = (int)number;
    }
    if (!error)
        *host = mem_text_of(name.data ? name.data : "", name.len);
    return error;
}

const char *uri_read_path(struct slice s, char **path) {
    if (s.len == 0 || *s.data != '/')
        return "a Unix socket needs an absolute path, as unix:/run/NAME.sock";
    const char *error = uri_read_text(s, path);
    if (error || strlen(*path) <= URI_LONGEST_PATH)
        return error;
    mem_free(*path);
    *path = NULL;
    return "the path of a Unix socket can be 107 bytes long at most";
}

void uri_append_host(struct bytes *out, const char *host, int port) {
    bool is_v6 = strchr(host, ':');
    bytes_printf(out, "%s%s%s:%d", is_v6 ? "[" : "", host, is_v6 ? "]" : "", port);
}
