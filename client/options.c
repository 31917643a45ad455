#include "client/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/complain.h"
#include "client/exit_code.h"
#include "protocol/bytes.h"
#include "protocol/guess.h"
#include "protocol/number.h"

enum { AHEAD = 64, MOST_AHEAD = 65536 };

enum {
    OPTION_TEXT = 256,
    OPTION_JSON,
    OPTION_RAW,
    OPTION_CSV,
    OPTION_LOCAL,
    OPTION_TOKEN_FILE,
    OPTION_CA,
    OPTION_CERT,
    OPTION_KEY,
    OPTION_TIMEOUT,
    OPTION_AHEAD,
    OPTION_COLOUR,
};

#define LETTERS "s:u:nqxkhV"

static const char usage[] =
    "usage: caches [OPTIONS] VERB [WORD...]       one request\n"
    "       caches [OPTIONS] -                    requests from standard input, one a line\n"
    "       caches [OPTIONS]                      the same; on a terminal, a prompt\n"
    "       caches [OPTIONS] COMMAND [WORD...]    what takes more than one request\n";

static const char help[] =
    "\n"
    "`caches help` lists the daemon's verbs, `caches help VERB` explains one. The commands:\n"
    "  export N [MATCH]   writes all keys of a namespace, or those that fit a pattern, as JSON "
    "lines\n"
    "  import N           stores such lines from standard input, in place of what the keys hold\n"
    "  purge N            removes all keys of a namespace\n"
    "  watch [N]          shows the requests of all namespaces as they come, or of one; `watch "
    "--once [N]`\n"
    "                     prints one table\n"
    "  slow [COUNT]       shows the requests that took long or were large\n"
    "  tap [OPTION=...]   shows requests as they pass, until Ctrl-C\n"
    "  bench              measures a daemon\n"
    "Each tells its use with --help.\n"
    "\n"
    "Options, which stand before the verb or command:\n"
    "  -s ADDRESS         the daemon: PATH, HOST:PORT or tls:HOST:PORT. Without it "
    "$CACHESD_ADDRESS;\n"
    "                     else the first place of /run/cachesd, $XDG_RUNTIME_DIR, "
    "/tmp/cachesd-UID\n"
    "                     and 127.0.0.1:7379 that has one\n"
    "  --local            a daemon of one's own with the namespace `demo`, while this command "
    "runs\n"
    "  -u USER            authenticates by the token in $CACHESD_TOKEN, or in a file:\n"
    "  --token-file FILE\n"
    "  --ca FILE          for tls: the certificates to trust, else the system's\n"
    "  --cert FILE, --key FILE    the certificate to show, and its key\n"
    "  --text             replies for people, as on a terminal\n"
    "  --raw              the values themselves, as otherwise; an array's items a line each\n"
    "  --json, --csv      a line of JSON for each reply, or lines of comma-separated values\n"
    "  -n                 no line end behind a value\n"
    "  -x                 nil ends with 5\n"
    "  -q                 only errors\n"
    "  -k                 goes on behind an error\n"
    "  --ahead N          how many requests may be under way (64); with 1 none is sent behind an\n"
    "                     error\n"
    "  --timeout TIME     how long a reply may take, as 500ms or 3s; else as long as it takes\n"
    "  --color WHEN       auto, or no, as with $NO_COLOR\n"
    "  -h, -V             this; the version\n"
    "\n"
    "It ends with 0 for an answer, 1 for an error (not applied), 2 for a wrong command line or "
    "script,\n"
    "3 when there is no daemon, 4 when a request was perhaps applied (TIMEOUT, LOST, INTERNAL, or "
    "a\n"
    "reply did not come or could not be written), 5 for nil with -x.\n";

static const struct option known[] = {
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {"address", required_argument, NULL, 's'},
    {"user", required_argument, NULL, 'u'},
    {"token-file", required_argument, NULL, OPTION_TOKEN_FILE},
    {"ca", required_argument, NULL, OPTION_CA},
    {"cert", required_argument, NULL, OPTION_CERT},
    {"key", required_argument, NULL, OPTION_KEY},
    {"local", no_argument, NULL, OPTION_LOCAL},
    {"text", no_argument, NULL, OPTION_TEXT},
    {"json", no_argument, NULL, OPTION_JSON},
    {"raw", no_argument, NULL, OPTION_RAW},
    {"csv", no_argument, NULL, OPTION_CSV},
    {"timeout", required_argument, NULL, OPTION_TIMEOUT},
    {"ahead", required_argument, NULL, OPTION_AHEAD},
    {"color", required_argument, NULL, OPTION_COLOUR},
    {NULL, 0, NULL, 0},
};

static void complain_of_unknown(const char *word) {
    if (strncmp(word, "--", 2) != 0) {
        complain("no option -%c; `caches --help` lists them", optopt);
        return;
    }
    struct slice name = {word + 2, strcspn(word + 2, "=")};
    struct guess guess = {name, SIZE_MAX, {0}};
    for (const struct option *at = known; at->name; at++)
        guess_add(&guess, slice_of(at->name));
    if (guess.name.data)
        complain("no option '%s': did you mean --%.*s?", word, (int)guess.name.len,
                 guess.name.data);
    else
        complain("no option '%s'; `caches --help` lists them", word);
}

static bool complain_of(int letter, const char *word) {
    if (letter == ':')
        complain("%s needs a value; `caches --help` says which", word);
    else if (optopt > 0 && strchr(word, '='))
        complain("%.*s takes no value", (int)strcspn(word, "="), word);
    else
        complain_of_unknown(word);
    return false;
}

static bool read_timeout(struct options *o) {
    if (number_parse_duration(slice_of(optarg), &o->timeout_ms) && o->timeout_ms > 0)
        return true;
    complain("--timeout '%s': use a number of seconds, or with a unit, as 500ms or 3s", optarg);
    return false;
}

static bool read_ahead(struct options *o) {
    if (number_parse_int(slice_of(optarg), &o->ahead) && o->ahead > 0 && o->ahead <= MOST_AHEAD)
        return true;
    complain("--ahead '%s': use a number from 1 to %d", optarg, MOST_AHEAD);
    return false;
}

static bool read_colour(struct options *o) {
    o->is_colour_off = strcmp(optarg, "no") == 0;
    if (o->is_colour_off || strcmp(optarg, "auto") == 0)
        return true;
    complain("--color '%s': use auto or no", optarg);
    return false;
}

static bool read_kind(struct options *o, enum form_kind kind) {
    bool is_other = o->has_kind && o->kind != kind;
    o->has_kind = true;
    o->kind = kind;
    if (is_other)
        complain("use one of --text, --raw, --json and --csv");
    return !is_other;
}

static bool read_flag(struct options *o, int letter) {
    switch (letter) {
    case 'n': return o->has_no_line_end = true;
    case 'q': return o->is_quiet = true;
    case 'x': return o->wants_value = true;
    case 'k': return o->goes_on = true;
    default: return o->is_local = true;
    }
}

static bool read_option(struct options *o, int letter, const char *word) {
    switch (letter) {
    case 's': o->address = optarg; return true;
    case 'u': o->user = optarg; return true;
    case OPTION_TOKEN_FILE: o->token_file = optarg; return true;
    case OPTION_CA: o->ca = optarg; return true;
    case OPTION_CERT: o->cert = optarg; return true;
    case OPTION_KEY: o->key = optarg; return true;
    case OPTION_TEXT: return read_kind(o, FORM_TEXT);
    case OPTION_JSON: return read_kind(o, FORM_JSON);
    case OPTION_RAW: return read_kind(o, FORM_RAW);
    case OPTION_CSV: return read_kind(o, FORM_CSV);
    case OPTION_TIMEOUT: return read_timeout(o);
    case OPTION_AHEAD: return read_ahead(o);
    case OPTION_COLOUR: return read_colour(o);
    case ':':
    case '?': return complain_of(letter, word);
    default: return read_flag(o, letter);
    }
}

// Looks for options that contradict each other.
static bool check(const struct options *o) {
    if (o->is_local && (o->address || o->user || o->token_file))
        complain("--local starts a daemon of its own: it goes with neither -s nor -u");
    else if (o->token_file && !o->user)
        complain("--token-file needs -u USER: whose token is it?");
    else if ((*o->cert == '\0') != (*o->key == '\0'))
        complain("--cert and --key belong together");
    else
        return true;
    return false;
}

bool options_read(struct options *o, int argc, char **argv, int *code) {
    const char *no_colour = getenv("NO_COLOR");
    int letter, at = 1;
    *o = (struct options){.ca = "", .cert = "", .key = "", .timeout_ms = INT64_MAX, .ahead = AHEAD};
    o->is_colour_off = no_colour && *no_colour;
    opterr = 0;
    *code = EXIT_ANSWERED;
    while ((letter = getopt_long(argc, argv, "+:" LETTERS, known, NULL)) != -1) {
        if (letter == 'V') {
            puts("caches " CACHESD_VERSION);
            return false;
        }
        if (letter == 'h') {
            printf("%s%s", usage, help);
            return false;
        }
        if (!read_option(o, letter, argv[at < optind - 1 ? optind - 1 : at])) {
            *code = EXIT_USAGE;
            return false;
        }
        at = optind;
    }
    o->words = argv + optind;
    o->word_count = (size_t)(argc - optind);
    *code = EXIT_USAGE;
    return check(o);
}

bool options_is_help(int argc, char **argv) {
    static const char *const words[] = {"-h", "--help", "-V", "--version"};
    for (int i = 0; i < argc; i++)
        for (size_t j = 0; j < sizeof(words) / sizeof(*words); j++)
            if (strcmp(argv[i], words[j]) == 0)
                return true;
    return false;
}

bool options_has(const char *word) {
    size_t len = strlen(word);
    bool is_there = len == 2 && *word == '-' && strchr(LETTERS, word[1]) && word[1] != ':';
    for (const struct option *at = known; at->name && !is_there; at++)
        is_there = strncmp(word, "--", 2) == 0 && strcmp(word + 2, at->name) == 0;
    return is_there;
}

void options_print(struct slice begin) {
    for (const struct option *at = known; at->name; at++) {
        char name[32];
        int len = snprintf(name, sizeof(name), "--%s", at->name);
        if (slice_begins((struct slice){name, (size_t)len}, begin))
            printf("%s\t\n", name);
    }
}
