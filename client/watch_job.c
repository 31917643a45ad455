#include "client/watch_job.h"

#include <string.h>

#include "client/complain.h"
#include "client/form.h"
#include "client/job.h"
#include "client/watch.h"
#include "protocol/bytes.h"
#include "protocol/number.h"

static enum exit_code complain_of_usage(const char *text, const char *word) {
    complain("watch: %s '%s': use watch [--once] [--interval TIME] [N]", text, word);
    return EXIT_USAGE;
}

enum exit_code watch_job(const struct job *job) {
    struct watch_options o = {
        .interval_ms = WATCH_INTERVAL_MS,
        .has_colour = job->form->has_colour,
    };
    for (size_t i = 1; i < job->count; i++) {
        const char *word = job->words[i];
        if (strcmp(word, "--once") == 0) {
            o.is_once = true;
        } else if (strcmp(word, "--interval") == 0 && i + 1 < job->count) {
            const char *time = job->words[++i];
            if (!number_parse_duration(slice_of(time), &o.interval_ms) || o.interval_ms < 1 ||
                o.interval_ms > WATCH_LONGEST_MS)
                return complain_of_usage("an interval is 1ms to 1h, not", time);
        } else if (*word == '-') {
            return complain_of_usage("no option", word);
        } else if (o.namespace) {
            return complain_of_usage("one namespace at most, not also", word);
        } else {
            o.namespace = word;
        }
    }
    return (enum exit_code)watch_run(job->connection, &o);
}
