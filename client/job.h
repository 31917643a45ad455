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

// Complains of a connection that has ended while replies were missing. Returns the exit code.
enum exit_code job_end_lost(const struct job *job);

// Writes a reply to standard output. An error is only written where the form is JSON.
void job_write(const struct job *job, struct slice verb, const struct reply *reply);

// Writes a reply to standard output; an error to standard error, unless the form is JSON. Returns
// its exit code.
enum exit_code job_show(const struct job *job, struct slice verb, const struct reply *reply);

// Sends one request of those words, and shows its reply. Returns the exit code.
enum exit_code job_ask(const struct job *job, const struct slice *words, size_t count);
