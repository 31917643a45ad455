#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: load [OPTIONS] WORD...\n"
    "  -a ADDRESS  unix:PATH or tcp:IPV4:PORT\n"
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
    "  -W PID      report this process's CPU time; may repeat\n"
    "In a WORD {key} stands for 8 digits, {value} for the value; ';' stands between commands\n"
    "that are sent together as one request.\n";

static void refuse(const char *why) {
    fprintf(stderr, "load: %s\n%s", why, usage);
    exit(2);
}

static double number(const char *text, double least, double most) {
    char *end;
    double value = strtod(text, &end);
    if (*text == '\0' || *end != '\0' || !(value >= least && value <= most))
        refuse("not a number, or out of range");
    return value;
}

static void watch(struct options *o, const char *text) {
    if (o->watched_count == OPTIONS_WATCHED)
        refuse("too many -W");
    o->watched[o->watched_count++] = (pid_t)number(text, 1, 1e9);
}

static void set_form(struct options *o, const char *form) {
    o->requests.is_line_form = strcmp(form, "line") == 0;
    if (!o->requests.is_line_form && strcmp(form, "array") != 0)
        refuse("FORM is array or line");
}

static void set(struct options *o, int letter, const char *value) {
    switch (letter) {
    case 'a': o->address = value; break;
    case 'c': o->clients = (unsigned)number(value, 1, 1e5); break;
    case 'p': o->depth = (unsigned)number(value, 1, 1e5); break;
    case 'n': o->count = (uint64_t)number(value, 1, 1e15); break;
    case 's': o->seconds = number(value, 0.001, 1e6); break;
    case 'w': o->warm_up = number(value, 0, 1e6); break;
    case 'r': o->rate = number(value, 0.001, 1e7); break;
    case 'k': o->requests.keys = (uint64_t)number(value, 1, 1e8); break;
    case 'q': o->requests.is_sequential = true; break;
    case 'e': o->requests.seed = (uint64_t)number(value, 0, 1e15); break;
    case 'd': o->requests.value_bytes = (size_t)number(value, 0, 1e9); break;
    case 'f': set_form(o, value); break;
    case 'W': watch(o, value); break;
    default: refuse("bad option");
    }
}

void options_parse(struct options *o, int argc, char **argv) {
    *o = (struct options){
        .clients = 1, .depth = 1, .requests = {.keys = 1, .seed = 1, .value_bytes = 64}};
    for (int letter; (letter = getopt(argc, argv, "+a:c:p:n:s:w:r:k:qe:d:f:W:")) != -1;)
        set(o, letter, optarg);
    if (!o->address)
        refuse("no -a ADDRESS");
    if ((o->seconds > 0) == (o->count > 0))
        refuse("either -s or -n");
    if (o->count > 0 && o->warm_up > 0)
        refuse("-w goes with -s");
    if (optind == argc)
        refuse("no WORD");
    o->requests.words = (const char *const *)argv + optind;
    o->requests.word_count = argc - optind;
    o->requests.depth = o->depth;
}
