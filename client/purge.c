#include "client/purge.h"

#include <stdio.h>
#include <unistd.h>

#include "client/connection.h"
#include "client/progress.h"
#include "client/reply.h"
#include "client/table.h"
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/mem.h"
#include "protocol/number.h"

enum { LOOK_MS = 50 };

// Returns how many keys of the namespace were removed by purges since the daemon began; 0 when it
// does not say.
static uint64_t removed_so_far(struct connection *other, struct slice name) {
    struct slice line, field, value, words[] = {SLICE("stats"), name};
    const struct reply *reply = connection_call(other, words, 2);
    uint64_t removed = 0;
    if (!reply || reply->type != EVENT_BULK)
        return 0;
    struct slice text = reply->text;
    while (table_next_line(&text, &line))
        if (table_cut_field(line, &field, &value) && slice_equal(field, SLICE("purge_removed")) &&
            !number_parse_unsigned(value, &removed))
            removed = 0;
    return removed;
}

static void show_progress(const struct job *job, struct slice name, struct connection *other,
                          uint64_t before) {
    struct progress progress;
    progress_start(&progress, "purge", 0);
    while (!connection_wait(job->connection, LOOK_MS)) {
        uint64_t now = removed_so_far(other, name);
        progress_tell(&progress, now > before ? now - before : 0);
    }
    progress_hide(&progress);
}

enum exit_code purge_run(const struct job *job) {
    struct bytes error = {0};
    enum exit_code code;
    struct slice *words = mem_new(job->count * sizeof(*words));
    struct connection *other = NULL;
    for (size_t i = 0; i < job->count; i++)
        words[i] = slice_of(job->words[i]);
    if (job->count == 2 && isatty(STDERR_FILENO) && !job->options->is_quiet)
        other = connection_twin(job->connection, &error, &code);
    uint64_t before = other ? removed_so_far(other, words[1]) : 0;
    connection_request(job->connection, words, job->count);
    if (other)
        show_progress(job, words[1], other, before);
    const struct reply *reply = connection_reply(job->connection);
    code = reply ? job_show(job, words[0], reply) : job_end_lost(job, JOB_UNSURE);
    connection_free(other);
    bytes_deinit(&error);
    mem_free(words);
    return code;
}
