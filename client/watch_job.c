#include "client/watch_job.h"

#include <string.h>

#include "client/complain.h"
#include "client/form.h"
#include "client/job.h"
#include "client/watch.h"
#include "protocol/bytes.h"
#include "protocol/number.h"

const char watch_usage[] =
    "usage: caches [OPTIONS] watch [--once] [--interval TIME] [N]\n"
    "    shows the requests of the namespaces, or of the namespace N, as they come\n"
    "    --once           one table of the next interval, and ends\n"
    "    --interval TIME  how long a table counts (1s), from 1ms to 1h\n";

static enum exit_code complain_of_usage(const char *text, const char *word) {
    complain("watch: %s '%s': use watch [--once] [--interval TIME] [N]", text, word);
    return EXIT_USAGE;
}

// Returns EXIT_ANSWERED; or EXIT_USAGE when something is wrong, which was told.
static enum exit_code read_options(struct watch_options *o, char **words, size_t count) {
    *o = (struct watch_options){.interval_ms = WATCH_INTERVAL_MS};
    for (size_t i = 1; i < count; i++) {
        const char *word = words[i];
        if (strcmp(word, "--once") == 0) {
            o->is_once = true;
        } else if (strcmp(word, "--interval") == 0) {
            if (i + 1 == count)
                return complain_of_usage("a time from 1ms to 1h is missing behind", word);
            const char *time = words[++i];
            if (!number_parse_duration(slice_of(time), &o->interval_ms) || o->interval_ms < 1 ||
                o->interval_ms > WATCH_LONGEST_MS)
                return complain_of_usage("an interval is 1ms to 1h, not", time);
        } else if (*word == '-') {
            return complain_of_usage("no option", word);
        } else if (o->namespace) {
            return complain_of_usage("one namespace at most, not also", word);
        } else {
            o->namespace = word;
        }
    }
    return EXIT_ANSWERED;
}

enum exit_code watch_check(char **words, size_t count) {
    struct watch_options o;
    return read_options(&o, words, count);
}

enum exit_code watch_job(const struct job *job) {
    struct watch_options o;
    read_options(&o, job->words, job->count); // watch_check() has found it right
    o.has_colour = job->form->has_colour;
    return (enum exit_code)watch_run(job->connection, &o);
}
