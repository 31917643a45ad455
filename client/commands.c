#include "client/commands.h"

#include <string.h>
#include <unistd.h>

#include "client/bench/load.h"
#include "client/complain.h"
#include "client/connection.h"
#include "client/export.h"
#include "client/import.h"
#include "client/prompt.h"
#include "client/purge.h"
#include "client/reply.h"
#include "client/script.h"
#include "client/tap.h"
#include "client/watch_job.h"
#include "protocol/bytes.h"
#include "protocol/guess.h"
#include "protocol/mem.h"

// Says what may have been meant by a word that is no verb. The daemon guesses at its own verbs
// alone, and is told the words apart.
static void guess_command(const char *word) {
    if (strpbrk(word, " \t")) {
        complain("the words of a request are arguments of their own, as in "
                 "`caches key.get demo greeting`; `caches -` reads whole lines");
        return;
    }
    struct guess guess = {slice_of(word), SIZE_MAX, {0}};
    for (size_t i = 0; i < command_count; i++)
        guess_add(&guess, slice_of(commands[i].name));
    if (guess.name.data)
        complain("did you mean the command %.*s?", (int)guess.name.len, guess.name.data);
}

static enum exit_code run_request(const struct job *job) {
    struct slice *words = mem_new(job->count * sizeof(*words));
    for (size_t i = 0; i < job->count; i++)
        words[i] = slice_of(job->words[i]);
    const struct reply *reply = connection_call(job->connection, words, job->count);
    enum exit_code code = reply ? job_show(job, words[0], reply) : job_end_lost(job);
    if (reply && slice_equal(reply_error_code(reply), SLICE("VERB")))
        guess_command(job->words[0]);
    else if (reply && reply_is_of_down(reply))
        complain("`caches backends` has the reason");
    mem_free(words);
    return code;
}

static enum exit_code run_slow(const struct job *job) {
    struct slice words[] = {SLICE("slowlog"), slice_of(job->count > 1 ? job->words[1] : "")};
    if (job->count <= 2)
        return job_ask(job, words, job->count);
    complain("use slow [COUNT]");
    return EXIT_USAGE;
}

const struct commands_row commands[] = {
    {"bench", "[word ...]", "measures the daemon", load_run},
    {"export", "N [pattern]", "writes all keys of a namespace as JSON lines", export_run},
    {"import", "N", "stores such lines from standard input", import_run},
    {"purge", "N", "removes all keys of a namespace", purge_run},
    {"slow", "[count]", "the requests that took long or were large", run_slow},
    {"tap", "[namespace=] [verb=] [sample=] [slow=]", "shows requests as they pass", tap_run},
    {"watch", "[N]", "shows the requests of the namespaces as they come", watch_job},
};
const size_t command_count = sizeof(commands) / sizeof(*commands);

enum exit_code commands_run(const struct job *job) {
    if (job->count == 0 && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
        return (enum exit_code)prompt_run(job->connection, job->form);
    if (job->count == 0 || (job->count == 1 && strcmp(job->words[0], "-") == 0))
        return script_run(job);
    for (size_t i = 0; i < command_count; i++)
        if (strcmp(job->words[0], commands[i].name) == 0)
            return commands[i].run(job);
    return run_request(job);
}
