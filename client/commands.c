#include "client/commands.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/bench/load.h"
#include "client/bench/load_options.h"
#include "client/complain.h"
#include "client/connection.h"
#include "client/export.h"
#include "client/import.h"
#include "client/options.h"
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

// Says what the daemon can't know: what would be right on this command line.
static void hint_at(const struct job *job, const struct reply *reply) {
    struct slice code = reply_error_code(reply);
    if (slice_equal(code, SLICE("VERB")))
        guess_command(job->words[0]);
    else if (reply_is_of_down(reply))
        complain("`caches backends` has the reason");
    else if (slice_equal(code, SLICE("NOAUTH")) && !job->options->user)
        complain("use -u USER, with the token in $CACHESD_TOKEN or by --token-file");
    for (size_t i = 1; i < job->count && slice_equal(code, SLICE("ARGS")); i++)
        if (options_has(job->words[i])) {
            complain("the option %s would stand before the verb, as in `caches %s %s ...`",
                     job->words[i], job->words[i], job->words[0]);
            return;
        }
}

static enum exit_code run_request(const struct job *job) {
    struct slice *words = mem_new(job->count * sizeof(*words));
    for (size_t i = 0; i < job->count; i++)
        words[i] = slice_of(job->words[i]);
    const struct reply *reply = connection_call(job->connection, words, job->count);
    enum exit_code code = reply ? job_show(job, words[0], reply) : job_end_lost(job);
    if (reply)
        hint_at(job, reply);
    mem_free(words);
    return code;
}

static enum exit_code run_slow(const struct job *job) {
    struct slice words[] = {SLICE("slowlog"), slice_of(job->count > 1 ? job->words[1] : "")};
    return job_ask(job, words, job->count);
}

const struct commands_row commands[] = {
    {"bench", "[word ...]", "measures the daemon", 0, SIZE_MAX, load_check, load_run, load_usage},
    {"export", "N [pattern]", "writes all keys of a namespace as JSON lines", 1, 2, NULL,
     export_run, NULL},
    {"import", "N", "stores such lines from standard input", 1, 1, import_check, import_run, NULL},
    {"purge", "N", "removes all keys of a namespace", 1, 1, NULL, purge_run, NULL},
    {"slow", "[count]", "the requests that took long or were large", 0, 1, NULL, run_slow, NULL},
    {"tap", "[namespace=] [verb=] [sample=] [slow=]", "shows requests as they pass", 0, SIZE_MAX,
     NULL, tap_run, NULL},
    {"watch", "[N]", "shows the requests of the namespaces as they come", 0, SIZE_MAX, watch_check,
     watch_job, watch_usage},
};
const size_t command_count = sizeof(commands) / sizeof(*commands);

static const struct commands_row *find(const char *name) {
    for (size_t i = 0; i < command_count; i++)
        if (strcmp(name, commands[i].name) == 0)
            return &commands[i];
    return NULL;
}

static const char *where(const struct commands_row *command) {
    return strchr(command->syntax, 'N') ? ", where N is a namespace" : "";
}

static void print_help(const struct commands_row *command) {
    if (command->usage)
        fputs(command->usage, stdout);
    else
        printf("usage: caches [OPTIONS] %s %s%s\n    %s\n", command->name, command->syntax,
               where(command), command->summary);
}

bool commands_need_daemon(char **words, size_t count, enum exit_code *code) {
    const struct commands_row *command = count > 0 ? find(words[0]) : NULL;
    *code = EXIT_ANSWERED;
    if (!command)
        return true;
    if (count > 1 && (strcmp(words[1], "-h") == 0 || strcmp(words[1], "--help") == 0)) {
        print_help(command);
        return false;
    }
    if (count - 1 < command->least || count - 1 > command->most) {
        complain("use %s %s%s", command->name, command->syntax, where(command));
        *code = EXIT_USAGE;
    } else if (command->check) {
        *code = command->check(words, count);
    }
    return *code == EXIT_ANSWERED;
}

enum exit_code commands_run(const struct job *job) {
    if (job->count == 0 && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
        return (enum exit_code)prompt_run(job->connection, job->form);
    if (job->count == 0 || (job->count == 1 && strcmp(job->words[0], "-") == 0))
        return script_run(job);
    const struct commands_row *command = find(job->words[0]);
    return command ? command->run(job) : run_request(job);
}
