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

static void hint_at_option(const struct job *job) {
    size_t i = 1;
    while (i < job->count && !options_has(job->words[i]))
        i++;
    if (i < job->count)
        complain("the option %s would stand before the verb, as in `caches %s %s ...`",
                 job->words[i], job->words[i], job->words[0]);
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
    else if (slice_equal(code, SLICE("ARGS")))
        hint_at_option(job);
}

static enum exit_code run_request(const struct job *job) {
    struct slice *words = mem_new(job->count * sizeof(*words));
    for (size_t i = 0; i < job->count; i++)
        words[i] = slice_of(job->words[i]);
    const struct reply *reply = connection_call(job->connection, words, job->count);
    enum exit_code code = reply ? job_show(job, words[0], reply) : job_end_lost(job, JOB_UNSURE);
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
    {.name = "bench",
     .syntax = "[word ...]",
     .summary = "measures the daemon",
     .most = SIZE_MAX,
     .check = load_check,
     .run = load_run,
     .usage = load_usage},
    {.name = "export",
     .syntax = "N [pattern]",
     .summary = "writes all keys of a namespace as JSON lines",
     .least = 1,
     .most = 2,
     .run = export_run},
    {.name = "import",
     .syntax = "N",
     .summary = "stores such lines from standard input",
     .least = 1,
     .most = 1,
     .check = import_check,
     .run = import_run},
    {.name = "purge",
     .syntax = "N",
     .summary = "removes all keys of a namespace; Ctrl-C does not stop the daemon from it",
     .least = 1,
     .most = 1,
     .run = purge_run},
    {.name = "slow",
     .syntax = "[count]",
     .summary = "the requests that took long or were large",
     .most = 1,
     .run = run_slow},
    {.name = "tap",
     .syntax = "[namespace=] [verb=] [sample=] [slow=]",
     .summary = "shows requests as they pass",
     .most = SIZE_MAX,
     .run = tap_run},
    {.name = "watch",
     .syntax = "[N]",
     .summary = "shows the requests of the namespaces as they come",
     .most = SIZE_MAX,
     .check = watch_check,
     .run = watch_job,
     .usage = watch_usage},
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
