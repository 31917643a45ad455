#include "client/bench/load_options.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char load_usage[] =
    "usage: caches [-s ADDRESS] bench [OPTIONS] WORD...\n"
    "Sends one kind of request again and again, and prints a line of JSON: how many were\n"
    "answered, how many a second, and how long each took.\n"
    "  -c CLIENTS  connections (1)\n"
    "  -p DEPTH    requests in a batch (1)\n"
    "  -n COUNT    requests in all, or\n"
    "  -s SECONDS  how long it measures\n"
    "  -w SECONDS  warm-up before (0)\n"
    "  -r RATE     open loop: requests per second, latency from when each was due\n"
    "  -k KEYS     how many different keys (1)\n"
    "  -q          keys in sequence, not at random\n"
    "  -e SEED     of the random keys (1)\n"
    "  -d BYTES    of the value (64)\n"
    "  -f FORM     array (Redis understands it, too) or line\n"
    "  -u          without io_uring: a call of the system for each read and each write\n"
    "  -W PID      report this process's CPU time; may repeat\n"
    "In a WORD {key} stands for 8 digits, {value} for the value; ';' stands between commands\n"
    "that are sent together as one request. As\n"
    "  caches bench -c 50 -p 16 -s 3 -k 10000 key.get demo {key}\n";

// Keeps the first reason. Returns false, so that the caller can return it.
static __attribute__((format(printf, 2, 3))) bool refuse(struct load_options *o, const char *format,
                                                         ...) {
    va_list values;
    va_start(values, format);
    if (!*o->refusal)
        vsnprintf(o->refusal, sizeof(o->refusal), format, values);
    va_end(values);
    return false;
}

static double number(struct load_options *o, int letter, const char *text, double least,
                     double most) {
    char *end;
    double value = strtod(text, &end);
    if (*text != '\0' && *end == '\0' && value >= least && value <= most)
        return value;
    refuse(o, "-%c takes a number from %.10g to %.10g, not '%.20s'", letter, least, most, text);
    return least;
}

static void watch(struct load_options *o, const char *text) {
    if (o->watched_count == LOAD_WATCHED)
        refuse(o, "too many -W");
    else
        o->watched[o->watched_count++] = (pid_t)number(o, 'W', text, 1, 1e9);
}

static void set_form(struct load_options *o, const char *form) {
    o->requests.is_line_form = strcmp(form, "line") == 0;
    if (!o->requests.is_line_form && strcmp(form, "array") != 0)
        refuse(o, "FORM is array or line");
}

static void set(struct load_options *o, int letter, const char *value, const char *word) {
    switch (letter) {
    case 'c': o->clients = (unsigned)number(o, letter, value, 1, 1e5); break;
    case 'p': o->depth = (unsigned)number(o, letter, value, 1, 1e5); break;
    case 'n': o->count = (uint64_t)number(o, letter, value, 1, 1e15); break;
    case 's': o->seconds = number(o, letter, value, 0.001, 1e6); break;
    case 'w': o->warm_up = number(o, letter, value, 0, 1e6); break;
    case 'r': o->rate = number(o, letter, value, 0.001, 1e7); break;
    case 'k': o->requests.keys = (uint64_t)number(o, letter, value, 1, 1e8); break;
    case 'q': o->requests.is_sequential = true; break;
    case 'e': o->requests.seed = (uint64_t)number(o, letter, value, 0, 1e15); break;
    case 'd': o->requests.value_bytes = (size_t)number(o, letter, value, 0, 1e9); break;
    case 'f': set_form(o, value); break;
    case 'u': o->has_no_ring = true; break;
    case 'W': watch(o, value); break;
    default: refuse(o, "'%.20s' is no option, or lacks its value", word);
    }
}

static bool check(struct load_options *o, bool has_word) {
    if (*o->refusal)
        return false;
    if ((o->seconds > 0) == (o->count > 0))
        return refuse(o, "say either -s SECONDS or -n COUNT");
    if (o->count > 0 && o->warm_up > 0)
        return refuse(o, "-w goes with -s");
    return has_word || refuse(o, "no WORD of a request is given");
}

enum exit_code load_options_parse(struct load_options *o, int argc, char **argv) {
    *o = (struct load_options){
        .clients = 1, .depth = 1, .requests = {.keys = 1, .seed = 1, .value_bytes = 64}};
    optind = 0; // another command line was read before
    for (int letter, at = 1; (letter = getopt(argc, argv, "+c:p:n:s:w:r:k:qe:d:f:uW:")) != -1;) {
        set(o, letter, optarg, argv[at]);
        at = optind;
    }
    o->requests.words = (const char *const *)argv + optind;
    o->requests.word_count = argc - optind;
    o->requests.depth = o->depth;
    if (check(o, optind < argc))
        return EXIT_ANSWERED;
    fprintf(stderr, "caches bench: %s; caches bench --help tells more\n", o->refusal);
    return EXIT_USAGE;
}
