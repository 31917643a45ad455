#include "client/job.h"

#include <stdarg.h>
#include <stdio.h>

#include "client/complain.h"
#include "client/exit_code.h"
#include "client/form_kind.h"
#include "client/reply.h"
#include "protocol/answer.h"
#include "protocol/bytes.h"

enum exit_code job_end_lost(const struct job *job, const char *meaning, ...) {
    const struct connection *c = job->connection;
    char text[200];
    if (connection_is_refused(c)) {
        complain("%s: %s", connection_address(c), connection_trouble(c));
        return EXIT_NO_DAEMON;
    }
    va_list values;
    va_start(values, meaning);
    vsnprintf(text, sizeof(text), meaning, values);
    va_end(values);
    complain("%s: %s; %s", connection_address(c), connection_trouble(c), text);
    return EXIT_PERHAPS;
}

void job_write(const struct job *job, struct slice verb, const struct reply *reply) {
    bool is_error = reply->type == EVENT_ERROR;
    if (is_error ? job->form->kind == FORM_JSON : !job->form->is_quiet)
        form_write(job->form, verb, reply, stdout);
}

enum exit_code job_show(const struct job *job, struct slice verb, const struct reply *reply) {
    enum exit_code code = reply_exit_code(reply);
    job_write(job, verb, reply);
    if (reply->type == EVENT_ERROR && job->form->kind != FORM_JSON)
        complain("%.*s", (int)reply->text.len, reply->text.data);
    return reply->type == EVENT_NIL && job->options->wants_value ? EXIT_NIL : code;
}

enum exit_code job_ask(const struct job *job, const struct slice *words, size_t count) {
    const struct reply *reply = connection_call(job->connection, words, count);
    return reply ? job_show(job, words[0], reply) : job_end_lost(job, JOB_UNSURE);
}
