#include "client/line_input.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "client/interrupt.h"

// A Ctrl-C that comes just before the wait does not interrupt it: it is looked for each LOOK_MS.
enum { READ_SIZE = 64 * 1024, LOOK_MS = 200 };

bool line_input_is_ready(int timeout_ms) {
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&input, 1, timeout_ms) > 0;
}

static void read_more(struct line_input *input) {
    bytes_consume(&input->in, input->at);
    input->scanned -= input->at;
    input->at = 0;
    ssize_t n = read(STDIN_FILENO, bytes_reserve(&input->in, READ_SIZE), READ_SIZE);
    if (n > 0)
        bytes_grew(&input->in, (size_t)n);
    else if (n == 0)
        input->is_ended = true;
    else if (errno != EINTR)
        input->error = errno;
}

// Takes the bytes up to `end` as the line.
static enum line_input_result take(struct line_input *input, size_t end, struct slice *line) {
    *line = (struct slice){input->in.data + input->at, end - input->at};
    input->at = input->scanned = end;
    return LINE_READ;
}

enum line_input_result line_input_next(struct line_input *input, bool waits, struct slice *line) {
    for (;;) {
        size_t left = input->in.len - input->scanned;
        const char *start = input->in.data, *end = NULL;
        if (left > 0)
            end = memchr(start + input->scanned, '\n', left);
        if (interrupt_has_come() || input->error)
            return LINE_END;
        if (end)
            return take(input, (size_t)(end + 1 - start), line);
        input->scanned = input->in.len;
        if (input->is_ended)
            return input->at < input->in.len ? take(input, input->in.len, line) : LINE_END;
        if (line_input_is_ready(waits ? LOOK_MS : 0))
            read_more(input);
        else if (!waits)
            return LINE_LATER;
    }
}

void line_input_deinit(struct line_input *input) { bytes_deinit(&input->in); }
