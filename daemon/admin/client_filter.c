#include "daemon/admin/client_filter.h"

#include "protocol/number.h"
#include "protocol/reply.h"

// The columns of `clients`, in their order (totals.c).
static const char *const columns[] = {"id",       "addr",    "name",   "user",     "listener",
                                      "lib-name", "lib-ver", "age",    "idle",     "pending",
                                      "in",       "out",     "worker", "requests", "verb"};
enum { COLUMNS = sizeof(columns) / sizeof(*columns) };

// --- words ------------------------------------------------------------------------------------

static const char *find_column(struct slice name) {
    for (size_t i = 0; i < COLUMNS; i++)
        if (slice_equal(name, slice_of(columns[i])))
            return columns[i];
    return NULL;
}

static bool refuse_column(struct refusal *refusal, struct slice name) {
    struct bytes known = {0};
    for (size_t i = 0; i < COLUMNS; i++)
        bytes_printf(&known, "%s%s", i > 0 ? ", " : "", columns[i]);
    refusal_set(refusal, REPLY_ARGS, "clients has no column '%.*s': use %.*s", REPLY_WORD(name),
                (int)known.len, known.data);
    bytes_deinit(&known);
    return false;
}

static bool read_duration(struct client_test *test, struct slice value, struct refusal *refusal) {
    int64_t ms;
    if (!number_parse_duration(value, &ms))
        return refusal_set(refusal, REPLY_ARGS,
                           "%s=%.*s: use a duration, as 90 or 5m: it means "
                           "at least so long",
                           test->column, REPLY_WORD(value));
    test->is_duration = true;
    test->at_least_s = ms / 1000 + (ms % 1000 > 0);
    return true;
}

static bool read_word(struct client_filter *filter, struct slice word, struct refusal *refusal) {
    const char *equals = memchr(word.data, '=', word.len);
    size_t name_len = equals ? (size_t)(equals - word.data) : 0;
    struct slice name = {word.data, name_len};
    if (!equals)
        return refusal_set(refusal, REPLY_ARGS,
                           "'%.*s' is not name=value: use a column of clients, as user=web",
                           REPLY_WORD(word));
    if (filter->count == CLIENT_FILTER_MOST)
        return refusal_set(refusal, REPLY_ARGS, "too many name=value: use %d at most",
                           CLIENT_FILTER_MOST);
    struct slice value = {equals + 1, word.len - name_len - 1};
    struct client_test *test = &filter->tests[filter->count++];
    *test = (struct client_test){
        .column = find_column(name), .start = filter->values.len, .len = value.len};
    if (!test->column)
        return refuse_column(refusal, name);
    bytes_append_slice(&filter->values, value);
    bool is_duration = strcmp(test->column, "age") == 0 || strcmp(test->column, "idle") == 0;
    return !is_duration || read_duration(test, value, refusal);
}

bool client_filter_read(struct client_filter *filter, const struct slice *words, size_t count,
                        struct refusal *refusal) {
    for (size_t i = 0; i < count; i++)
        if (!read_word(filter, words[i], refusal))
            return false;
    return true;
}

void client_filter_deinit(struct client_filter *filter) { bytes_deinit(&filter->values); }

// --- lines ------------------------------------------------------------------------------------

// Returns the value of the column. No value has a space.
static struct slice value_of(struct slice line, const char *column) {
    size_t len = strlen(column);
    const char *at = line.data, *end = line.data + line.len;
    while (at && (size_t)(end - at) > len) {
        if (memcmp(at, column, len) == 0 && at[len] == '=') {
            const char *value = at + len + 1;
            const char *stop = memchr(value, ' ', (size_t)(end - value));
            return (struct slice){value, (size_t)((stop ? stop : end) - value)};
        }
        at = memchr(at, ' ', (size_t)(end - at));
        at = at ? at + 1 : NULL;
    }
    return (struct slice){0};
}

// An address may be asked for without its port.
static bool is_host_of(struct slice host, struct slice address) {
    const char *port = memrchr(address.data, ':', address.len);
    return port && slice_equal(host, (struct slice){address.data, (size_t)(port - address.data)});
}

static bool passes(const struct client_test *test, struct slice right, struct slice value) {
    int64_t seconds;
    if (test->is_duration)
        return number_parse_int(value, &seconds) && seconds >= test->at_least_s;
    return slice_equal(right, value) ||
           (strcmp(test->column, "addr") == 0 && is_host_of(right, value));
}

bool client_filter_passes(const struct client_filter *filter, struct slice line) {
    if (line.len > 0 && line.data[line.len - 1] == '\n')
        line.len--;
    for (size_t i = 0; i < filter->count; i++) {
        const struct client_test *test = &filter->tests[i];
        struct slice right = {filter->values.data + test->start, test->len};
        if (!passes(test, right, value_of(line, test->column)))
            return false;
    }
    return true;
}
