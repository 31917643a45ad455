#include "client/tap.h"

#include <stdio.h>

#include "client/complain.h"
#include "client/connection.h"
#include "client/form.h"
#include "client/reply.h"
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/mem.h"

// Whoever reads the output sees each line when it comes.
static void show_lines(const struct job *job) {
    struct connection *c = job->connection;
    const struct reply *reply;
    for (;;) {
        bool is_there = connection_wait(c, 0);
        if (!is_there) {
            fflush(stdout);
            is_there = connection_wait(c, INT64_MAX);
        }
        reply = is_there ? connection_reply(c) : NULL;
        if (!reply || ferror(stdout))
            return;
        form_write(job->form, SLICE("tap"), reply, stdout);
    }
}

enum exit_code tap_run(const struct job *job) {
    struct slice *words = mem_new(job->count * sizeof(*words));
    enum exit_code code = EXIT_NO_DAEMON;
    for (size_t i = 0; i < job->count; i++)
        words[i] = slice_of(job->words[i]);
    const struct reply *reply = connection_call(job->connection, words, job->count);
    if (reply && reply->type == EVENT_ERROR) {
        code = job_show(job, SLICE("tap"), reply);
    } else {
        if (reply) // its +OK says nothing to a reader of the lines
            show_lines(job);
        if (ferror(stdout)) // told at the end of the program
            code = EXIT_ANSWERED;
        else
            complain("%s: %s", connection_address(job->connection),
                     connection_trouble(job->connection));
    }
    mem_free(words);
    return code;
}
