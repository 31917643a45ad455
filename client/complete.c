#include "client/complete.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "client/aim.h"
#include "client/commands.h"
#include "client/completion.h"
#include "client/connection.h"
#include "client/exit_code.h"
#include "client/options.h"
#include "client/reply.h"
#include "client/words.h"
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/mem.h"

enum { MOST_US = 300 * 1000 };

static void on_late(int number) {
    (void)number;
    _exit(0);
}

static void limit_time(void) {
    struct itimerval limit = {.it_value = {.tv_usec = MOST_US}};
    signal(SIGALRM, on_late);
    setitimer(ITIMER_REAL, &limit, NULL);
}

// Both questions are asked in one write.
static void ask(struct words *words, struct connection *c) {
    struct slice help = SLICE("help"), namespaces = SLICE("namespaces");
    connection_request(c, &help, 1);
    connection_request(c, &namespaces, 1);
    const struct reply *reply = connection_reply(c);
    if (reply && reply->type == EVENT_BULK)
        words_take_help(words, reply->text);
    reply = reply ? connection_reply(c) : NULL;
    if (reply && reply->type == EVENT_BULK)
        words_take_namespaces(words, reply->text);
}

static void print_slice(struct slice text) {
    fwrite(text.data ? text.data : "", 1, text.len, stdout);
}

static void print_words(const struct options *o, const struct words *words, struct slice begin) {
    struct candidates found = {0};
    struct slice *before = mem_new((o->word_count + 1) * sizeof(*before));
    for (size_t i = 0; i < o->word_count; i++)
        before[i] = slice_of(o->words[i]);
    completion_find(words, before, o->word_count, begin, &found);
    for (size_t i = 0; i < found.count; i++) {
        print_slice(bytes_slice(&found.items[i].text));
        fputc('\t', stdout);
        print_slice(found.items[i].summary);
        fputc('\n', stdout);
    }
    candidates_deinit(&found);
    mem_free(before);
}

static void complete_word(const struct options *o, struct slice begin) {
    struct aim aim = {0};
    struct words words = {0};
    struct bytes error = {0};
    for (size_t i = 0; i < command_count; i++)
        words_add(&words, commands[i].name, commands[i].syntax, commands[i].summary);
    // A daemon that would have to be started is not asked.
    if (!o->is_local && aim_open(&aim, o, &error) == EXIT_ANSWERED)
        ask(&words, aim.connection);
    print_words(o, &words, begin);
    aim_close(&aim);
    words_deinit(&words);
    bytes_deinit(&error);
}

void complete_run(int argc, char **argv) {
    struct options options;
    int code;
    if (argc < 1 || !freopen("/dev/null", "we", stderr))
        return;
    struct slice begin = slice_of(argv[argc - 1]);
    char **words = mem_new(((size_t)argc + 1) * sizeof(*words));
    words[0] = (char *)"caches";
    memcpy(words + 1, argv, ((size_t)argc - 1) * sizeof(*words));
    limit_time();
    if (!options_is_help(argc, words) && options_read(&options, argc, words, &code)) {
        if (options.word_count == 0 && begin.len > 0 && *begin.data == '-')
            options_print(begin);
        else
            complete_word(&options, begin);
    }
    mem_free(words);
}
