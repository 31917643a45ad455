// Job: one run of `caches`: what it was told to do, to whom, and how it shows replies.
#pragma once

#include "client/connection.h"
#include "client/exit_code.h"
#include "client/form.h"
#include "client/options.h"
#include "client/reply.h"
#include "protocol/bytes.h"

struct job {
    const struct options *options;
    const struct form *form; // of standard output
    struct connection *connection;
    char **words; // the verb or command, and what stands behind it
    size_t count;
};

// Returns how many requests may be under way.
static inline size_t job_ahead(const struct job *job) { return (size_t)job->options->ahead; }

// The meaning of a lost reply for a single request.
#define JOB_UNSURE "the request was perhaps applied"

// Complains of a connection that has ended while replies were missing. `meaning` says what that
// means for the requests; it is left out where the daemon has read none. Returns the exit code.
enum exit_code job_end_lost(const struct job *job, const char *meaning, ...)
    __attribute__((format(printf, 2, 3)));

// Writes a reply to standard output. An error is only written where the form is JSON.
void job_write(const struct job *job, struct slice verb, const struct reply *reply);

// Writes a reply to standard output; an error to standard error, unless the form is JSON. Returns
// its exit code.
enum exit_code job_show(const struct job *job, struct slice verb, const struct reply *reply);

// Sends one request of those words, and shows its reply. Returns the exit code.
enum exit_code job_ask(const struct job *job, const struct slice *words, size_t count);
