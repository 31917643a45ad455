// Parser: each input is fed whole, byte by byte and cut in two at each place. Between calls the
// bytes move to a fresh block of their exact size, so that the address sanitizer sees overreads.
#include "helpers.h"
#include "protocol/parser.h"

enum { MAX_REQUEST = 1024 * 1024, LONG_INPUT = 1000 };

// What came of an input, as text: "word|word;" a request, "-;" nothing, "!message" an error,
// "~" an unfinished request at the end.
struct feed {
    struct parser parser;
    char *data; // the unfinished request
    size_t len;
    struct bytes seen;
    bool is_over; // an error was seen
};

static void move_to(struct feed *f, size_t from, const char *more, size_t more_len) {
    size_t kept = f->len - from;
    char *moved = malloc(kept + more_len);
    ck_assert(moved || kept + more_len == 0);
    if (kept > 0)
        memcpy(moved, f->data + from, kept);
    if (more_len > 0)
        memcpy(moved + kept, more, more_len);
    free(f->data);
    f->data = moved;
    f->len = kept + more_len;
}

static void describe_request(struct feed *f) {
    struct slice *words = malloc(f->parser.count * sizeof(*words));
    parser_words(&f->parser, f->data, words);
    for (uint32_t i = 0; i < f->parser.count; i++) {
        bytes_append(&f->seen, "|", i > 0);
        bytes_append_slice(&f->seen, words[i]);
    }
    bytes_append_literal(&f->seen, ";");
    free(words);
}

static void feed(struct feed *f, const char *data, size_t len) {
    enum parser_result result;
    move_to(f, 0, data, len);
    while (!f->is_over && (result = parser_next(&f->parser, f->data, f->len)) != PARSER_MORE) {
        f->is_over = result == PARSER_ERROR;
        if (result == PARSER_ERROR)
            bytes_printf(&f->seen, "!%s", f->parser.error);
        else if (result == PARSER_NOTHING)
            bytes_append_literal(&f->seen, "-;");
        else
            describe_request(f);
        if (!f->is_over)
            move_to(f, f->parser.consumed, NULL, 0);
    }
}

static void feed_begin(struct feed *f, size_t max_request) {
    *f = (struct feed){0};
    parser_init(&f->parser, max_request);
}

static void feed_end(struct feed *f, const char *what, struct slice wanted) {
    if (!f->is_over && f->len > 0)
        bytes_append_literal(&f->seen, "~");
    check_same(what, bytes_slice(&f->seen), wanted);
    bytes_deinit(&f->seen);
    parser_deinit(&f->parser);
    free(f->data);
}

static void check_cut_at(struct slice input, size_t cut, size_t max_request, struct slice wanted) {
    struct feed f;
    char what[200];
    feed_begin(&f, max_request);
    feed(&f, input.data, cut);
    feed(&f, input.data + cut, input.len - cut);
    snprintf(what, sizeof(what), "cut at %zu: %.100s", cut, input.data);
    feed_end(&f, what, wanted);
}

// `wanted`: as struct feed describes it.
static void check_parsed_as(struct slice input, size_t max_request, struct slice wanted) {
    struct feed f;
    check_cut_at(input, input.len, max_request, wanted);
    if (input.len > LONG_INPUT) {
        for (size_t cut = input.len - 5; cut < input.len; cut++)
            check_cut_at(input, cut, max_request, wanted);
        return;
    }
    feed_begin(&f, max_request);
    for (size_t i = 0; i < input.len; i++)
        feed(&f, input.data + i, 1);
    feed_end(&f, "byte by byte", wanted);
    for (size_t cut = 0; cut < input.len; cut++)
        check_cut_at(input, cut, max_request, wanted);
}

struct parser_row {
    struct slice input, wanted;
};

#define ROW(input, wanted)                                                                         \
    {                                                                                              \
        {input, sizeof(input) - 1}, { wanted, sizeof(wanted) - 1 }                                 \
    }

static void check_rows(const struct parser_row *rows, size_t count) {
    for (size_t i = 0; i < count; i++)
        check_parsed_as(rows[i].input, MAX_REQUEST, rows[i].wanted);
}

START_TEST(parser_splits_a_line_into_words) {
    static const struct parser_row rows[] = {
        ROW("", ""),
        ROW("ping\n", "ping;"),
        ROW("ping\r\n", "ping;"),
        ROW("key.get sessions user:42\r\n", "key.get|sessions|user:42;"),
        ROW("  a   b  \n", "a|b;"),
        ROW("a\\b c'd e=f (5 *x\n", "a\\b|c'd|e=f|(5|*x;"),
        ROW("caf\xc3\xa9 \x80\xff\n", "caf\xc3\xa9|\x80\xff;"),
        ROW("a$5 5$\n", "a$5|5$;"),
    };
    check_rows(rows, COUNT(rows));
}
END_TEST

START_TEST(parser_waits_for_the_rest_of_a_request) {
    static const struct parser_row rows[] = {
        ROW("p", "~"),
        ROW("ping", "~"),
        ROW("ping\r", "~"),
        ROW("\"a", "~"),
        ROW("a $3\n", "~"),
        ROW("a $3\nabc", "~"),
        ROW("a $3\nabc\r", "~"),
        ROW("a $0\n", "~"),
        ROW("*", "~"),
        ROW("*1\r", "~"),
        ROW("*2\r\n", "~"),
        ROW("*2\r\n$1\r\na\r\n$", "~"),
        ROW("*1\r\n$3\r\nabc\r", "~"),
        ROW("ping\npin", "ping;~"),
    };
    check_rows(rows, COUNT(rows));
}
END_TEST

START_TEST(parser_ignores_empty_lines_and_arrays) {
    static const struct parser_row rows[] = {
        ROW("\n", "-;"),
        ROW("\r\n", "-;"),
        ROW("   \r\n", "-;"),
        ROW("*0\r\n", "-;"),
        ROW("\n\na\n\n", "-;-;a;-;"),
    };
    check_rows(rows, COUNT(rows));
}
END_TEST

START_TEST(parser_unescapes_quoted_words) {
    static const struct parser_row rows[] = {
        ROW("a \"hello world\"\n", "a|hello world;"),
        ROW("a \"\"\n", "a|;"),
        ROW("\"\" \"\"\n", "|;"),
        ROW("a \"\\\\\\\"\\n\\r\\t\\0\"\n", "a|\\\"\n\r\t\0;"),
        ROW("a \"\\x00\\x41\\xfF\\xaB\" b\n", "a|\0A\xff\xab|b;"),
        ROW("a \"\\\\n\"\n", "a|\\n;"),
        ROW("a \"$5\" \"*\"\r\n", "a|$5|*;"),
        ROW("a \"\xc3\xa9\" b \"c\"\n", "a|\xc3\xa9|b|c;"),
        ROW("a \"b\"   c\n", "a|b|c;"),
    };
    check_rows(rows, COUNT(rows));
}
END_TEST

START_TEST(parser_rejects_unbalanced_quote) {
    static const struct parser_row rows[] = {
        ROW("a \"b\n", "!unbalanced quote"),
        ROW("a \"\n", "!unbalanced quote"),
        ROW("a \"b\\\"\r\n", "!unbalanced quote"),
        ROW("a \"b\" \"c d\n", "!unbalanced quote"),
        ROW("ping\n\"\nping\n", "ping;!unbalanced quote"),
    };
    check_rows(rows, COUNT(rows));
}
END_TEST

#define BAD_ESCAPE "!bad escape in a quoted word: use \\\\ \\\" \\n \\r \\t \\0 or \\xHH"

START_TEST(parser_rejects_unknown_escapes) {
    static const struct parser_row rows[] = {
        ROW("\"\\q\"\n", BAD_ESCAPE),   ROW("\"\\N\"\n", BAD_ESCAPE),
        ROW("\"\\1\"\n", BAD_ESCAPE),   ROW("\"\\'\"\n", BAD_ESCAPE),
        ROW("\"\\x\"\n", BAD_ESCAPE),   ROW("\"\\x4\"\n", BAD_ESCAPE),
        ROW("\"\\x4g\"\n", BAD_ESCAPE), ROW("\"\\xg4\"\n", BAD_ESCAPE),
        ROW("\"\\X41\"\n", BAD_ESCAPE), ROW("\"\\x4\n", BAD_ESCAPE),
        ROW("\"\\x\n", BAD_ESCAPE),     ROW("\"\\\n", BAD_ESCAPE),
        ROW("\"\\\r\n", BAD_ESCAPE),    ROW("\"\\x 1\"\n", BAD_ESCAPE),
    };
    check_rows(rows, COUNT(rows));
}
END_TEST

START_TEST(parser_rejects_a_quote_that_touches_a_word) {
    static const struct parser_row rows[] = {
        ROW("a\"b\n", "!quote inside a bare word"),
        ROW("a b\"c\"\n", "!quote inside a bare word"),
        ROW("\"a\"b\n", "!a space must follow a closing quote"),
        ROW("\"a\"\"b\"\n", "!a space must follow a closing quote"),
        ROW("\"a\"$1\nx\n", "!a space must follow a closing quote"),
    };
    check_rows(rows, COUNT(rows));
}
END_TEST

#define CONTROL_BYTE "!control byte in a bare word: quote it, as \\xHH"

START_TEST(parser_rejects_control_bytes_in_bare_words) {
    static const struct parser_row rows[] = {
        ROW("a\tb\n", CONTROL_BYTE), ROW("a b\0c\n", CONTROL_BYTE), ROW("a\rb\n", CONTROL_BYTE),
        ROW("\x7f\n", CONTROL_BYTE), ROW("a \x1f\n", CONTROL_BYTE), ROW("a\r\r\n", CONTROL_BYTE),
        ROW("\0\n", CONTROL_BYTE),
    };
    check_rows(rows, COUNT(rows));
}
END_TEST

// The parser looks at eight bytes at a time where it can: each byte, at each place of a long word.
START_TEST(parser_judges_each_byte_of_a_long_bare_word) {
    for (int c = 0; c < 256; c++) {
        for (size_t at = 0; at < 20; at++) {
            char line[] = "a bcdefghijklmnopqrstuv\n", wanted[64];
            struct feed f;
            bool is_bad = (c < ' ' && c != '\n') || c == 0x7f || c == '"';
            if (c == '\n' || (at == 0 && (c == '$' || c == '"')))
                continue;
            line[2 + at] = (char)c;
            if (is_bad)
                snprintf(wanted, sizeof(wanted), "!%s",
                         c == '"' ? "quote inside a bare word"
                                  : "control byte in a bare word: quote it, as \\xHH");
            else if (c == ' ')
                snprintf(wanted, sizeof(wanted), "a|%.*s%s%.*s;", (int)at, line + 2,
                         at > 0 ? "|" : "", (int)(20 - at), line + 2 + at + 1);
            else
                snprintf(wanted, sizeof(wanted), "a|%.21s;", line + 2);
            feed_begin(&f, MAX_REQUEST);
            feed(&f, line, sizeof(line) - 1);
            feed_end(&f, line, slice_of(wanted));
        }
    }
}
END_TEST

START_TEST(parser_takes_blocks_in_the_order_of_their_words) {
    static const struct parser_row rows[] = {
        ROW("dict.set carts 7 sku-1 $3 note $11\ntwo\nhello world\n",
            "dict.set|carts|7|sku-1|two|note|hello world;"),
        ROW("a $1 $1 b\r\nx\r\ny\r\n", "a|x|y|b;"),
        ROW("a $0 $0\n\n\r\n", "a||;"),
        ROW("a $3\nx\nb\n", "a|x\nb;"),
        ROW("a $2\n\r\n\r\n", "a|\r\n;"),
        ROW("a $3\n\0\"\n\n", "a|\0\"\n;"),
        ROW("a $1\n\r\n", "a|\r;"),
        ROW("a $00002\nxy\n", "a|xy;"),
        ROW("$4 $1\nping\nx\n", "ping|x;"),
        ROW("a \"\\x41\" $1 \"b\\n\"\nx\n", "a|A|x|b\n;"),
        ROW("a $5\nGET /\nb\n", "a|GET /;b;"),
    };
    check_rows(rows, COUNT(rows));
}
END_TEST

#define BAD_BLOCK "!a block must end with a line end after the announced bytes"

START_TEST(parser_rejects_a_block_of_another_length) {
    static const struct parser_row rows[] = {
        ROW("a $2\nxyz\n", BAD_BLOCK),
        ROW("a $0\nx\n", BAD_BLOCK),
        ROW("a $2\nxy\rz", BAD_BLOCK),
        ROW("a $1 $1\nx\nyz\n", BAD_BLOCK),
    };
    check_rows(rows, COUNT(rows));
}
END_TEST

#define BAD_DOLLAR "!a word may begin with $ only to announce a block, as $5: quote it"

START_TEST(parser_rejects_a_dollar_that_announces_no_block) {
    static const struct parser_row rows[] = {
        ROW("a $\n", BAD_DOLLAR),     ROW("a $x\n", BAD_DOLLAR),
        ROW("a $5a\n", BAD_DOLLAR),   ROW("a $-1\n", BAD_DOLLAR),
        ROW("a $+1\n", BAD_DOLLAR),   ROW("a $ 1\n", BAD_DOLLAR),
        ROW("a $5.0\n", BAD_DOLLAR),  ROW("a $12345678901\n", BAD_DOLLAR),
        ROW("$HOME b\n", BAD_DOLLAR),
    };
    check_rows(rows, COUNT(rows));
}
END_TEST

#define NO_HTTP "!this is not an HTTP server"

START_TEST(parser_rejects_http_methods) {
    static const char *const methods[] = {"GET",     "HEAD",    "POST", "PUT",   "DELETE", "TRACE",
                                          "OPTIONS", "CONNECT", "PRI",  "PATCH", "get",    "Post"};
    for (size_t i = 0; i < COUNT(methods); i++) {
        struct bytes input = {0};
        bytes_printf(&input, "ping\n%s / HTTP/1.1\r\nkey.set a b c\n", methods[i]);
        check_parsed_as(bytes_slice(&input), MAX_REQUEST, SLICE("ping;" NO_HTTP));
        bytes_deinit(&input);
    }
}
END_TEST

START_TEST(parser_rejects_http_headers) {
    static const struct parser_row rows[] = {
        ROW("Host: localhost:7379\r\nping\r\n", NO_HTTP),
        ROW("host:x\n", NO_HTTP),
        ROW("X-Forwarded-For: 1.2.3.4\n", NO_HTTP),
        ROW("  Content-Type:text/plain\n", NO_HTTP),
        ROW("  POST /\n", NO_HTTP),
        ROW("GET  /\n", NO_HTTP),
        ROW("CONNECT a:1 HTTP/1.1\r\n", NO_HTTP),
        ROW("OPTIONS * HTTP/1.1 \n", NO_HTTP),
        ROW("get http://a/ http/1.0\n", NO_HTTP),
    };
    check_rows(rows, COUNT(rows));
}
END_TEST

START_TEST(parser_takes_words_that_only_look_like_http) {
    static const struct parser_row rows[] = {
        ROW("key.get Host: GET\n", "key.get|Host:|GET;"),
        ROW("GETX a\n", "GETX|a;"),
        ROW("POST\n", "POST;"),
        ROW("get foo\n", "get|foo;"),
        ROW("get demo HTTP/\n", "get|demo|HTTP/;"),
        ROW("put HTTP/1.1x y\n", "put|HTTP/1.1x|y;"),
        ROW("key.get:x\n", "key.get:x;"),
        ROW(":x\n", ":x;"),
        ROW("\"GET\" \"Host:\"\n", "GET|Host:;"),
        ROW("*2\r\n$3\r\nGET\r\n$1\r\na\r\n", "GET|a;"),
    };
    check_rows(rows, COUNT(rows));
}
END_TEST

START_TEST(parser_reads_arrays) {
    static const struct parser_row rows[] = {
        ROW("*1\r\n$4\r\nping\r\n", "ping;"),
        ROW("*3\r\n$7\r\nkey.get\r\n$1\r\ns\r\n$2\r\n42\r\n", "key.get|s|42;"),
        ROW("*2\r\n$0\r\n\r\n$0\r\n\r\n", "|;"),
        ROW("*2\r\n$1\r\na\r\n$6\r\n\r\n\"\0*$\r\n", "a|\r\n\"\0*$;"),
        ROW("*1\r\n$4\r\n\"a b\r\n", "\"a b;"),
    };
    check_rows(rows, COUNT(rows));
}
END_TEST

START_TEST(parser_rejects_broken_arrays) {
    static const struct parser_row rows[] = {
        ROW("*\r\n", "!bad array length"),
        ROW("*x\r\n", "!bad array length"),
        ROW("*-1\r\n", "!bad array length"),
        ROW("* 1\r\n", "!bad array length"),
        ROW("*12345678901\r\n", "!bad array length"),
        ROW("*1\rx", "!array header without its CRLF"),
        ROW("*1111111111111111111111111111111", "!bad array length"),
        ROW("*1\n$4\nping\nping\nping\nping\nping\nping\n", "!array header without its CRLF"),
        ROW("*1\r\n$1\rx", "!array header without its CRLF"),
        ROW("*1\r\nping\r\n", "!expected $ and the length of an array's next item"),
        ROW("*2\r\n$1\r\na\r\n:1\r\n", "!expected $ and the length of an array's next item"),
        ROW("*1\r\n*1\r\n", "!expected $ and the length of an array's next item"),
        ROW("*1\r\n$\r\n", "!bad length of an array's item"),
        ROW("*1\r\n$-1\r\n", "!bad length of an array's item"),
        ROW("*1\r\n$4x\r\n", "!bad length of an array's item"),
        ROW("*1\r\n$1\r\nab\r\n", "!an array's item must end with CRLF after the announced bytes"),
        ROW("*1\r\n$2\r\na\r\n\r\n",
            "!an array's item must end with CRLF after the announced bytes"),
        ROW("*1\r\n$1\r\na\n\n", "!an array's item must end with CRLF after the announced bytes"),
    };
    check_rows(rows, COUNT(rows));
}
END_TEST

START_TEST(parser_reads_pipelined_requests_of_both_forms) {
    static const struct parser_row rows[] = {
        ROW("a\nb $1\nx\n*1\r\n$1\r\nc\r\n\nd \"\\x65\"\r\n*0\r\n*1\r\n$0\r\n\r\nf\n",
            "a;b|x;c;-;d|e;-;;f;"),
        ROW("a b c d e f g h i j k l m n o p q r s t\na\n",
            "a|b|c|d|e|f|g|h|i|j|k|l|m|n|o|p|q|r|s|t;a;"),
        ROW("a $1\n*\n*1\r\n$1\r\n\n\r\n", "a|*;\n;"),
    };
    check_rows(rows, COUNT(rows));
}
END_TEST

// --- limits -----------------------------------------------------------------------------------

// A line of `len` bytes and `end`: one bare word.
static void check_line_of(size_t len, const char *end, const char *error) {
    struct bytes input = {0}, wanted = {0};
    memset(bytes_reserve(&input, len), 'a', len);
    bytes_grew(&input, len);
    if (!error)
        bytes_append_slice(&wanted, bytes_slice(&input));
    bytes_printf(&wanted, "%s", error ? error : ";");
    bytes_append_slice(&input, slice_of(end));
    check_parsed_as(bytes_slice(&input), MAX_REQUEST, bytes_slice(&wanted));
    bytes_deinit(&input);
    bytes_deinit(&wanted);
}

START_TEST(parser_takes_lines_of_64_kib_and_no_longer) {
    static const char too_long[] = "!line longer than 64 KiB";
    check_line_of(65536, "\n", NULL);
    check_line_of(65536, "\r\n", NULL);
    check_line_of(65537, "\n", too_long);
    check_line_of(65537, "\r\n", too_long);
    check_line_of(65538, "", too_long);
    check_line_of(200000, "", too_long);
}
END_TEST

START_TEST(parser_takes_a_line_of_nothing_but_words) {
    struct bytes input = {0}, wanted = {0};
    for (int i = 0; i < 32768; i++)
        bytes_append_literal(&input, "a ");
    bytes_append_literal(&input, "\n");
    for (int i = 0; i < 32768; i++)
        bytes_append(&wanted, i < 32767 ? "a|" : "a;", 2);
    check_parsed_as(bytes_slice(&input), MAX_REQUEST, bytes_slice(&wanted));
    bytes_deinit(&input);
    bytes_deinit(&wanted);
}
END_TEST

START_TEST(parser_takes_arrays_of_65535_words) {
    struct bytes input = {0}, wanted = {0};
    bytes_append_literal(&input, "*65535\r\n");
    for (int i = 0; i < 65535; i++) {
        bytes_append_literal(&input, "$1\r\na\r\n");
        bytes_append(&wanted, i < 65534 ? "a|" : "a;", 2);
    }
    check_parsed_as(bytes_slice(&input), MAX_REQUEST, bytes_slice(&wanted));
    bytes_deinit(&input);
    bytes_deinit(&wanted);
}
END_TEST

START_TEST(parser_rejects_arrays_of_65536_words_at_once) {
    check_parsed_as(SLICE("*65536\r\n"), MAX_REQUEST, SLICE("!more than 65535 words"));
    check_parsed_as(SLICE("*9999999999\r\n"), MAX_REQUEST, SLICE("!more than 65535 words"));
}
END_TEST

#define TOO_LARGE "!request longer than max_request"

START_TEST(parser_takes_requests_of_max_request_bytes_and_no_longer) {
    static const struct parser_row rows[] = {
        ROW("key.get s 1\n", "key.get|s|1;"),
        ROW("key.get s\r\n", "key.get|s;"),
        ROW("a $5\nhello\n", "a|hello;"),
        ROW("a $4\r\nabcd\r\n", "a|abcd;"),
        ROW("a $0 $2\n\nab\n", "a||ab;"),
        ROW("*1\r\n$4\r\nping\r\n", "ping;"),
        ROW("*2\r\n$1\r\na\r\n$1\r\nb\r\n", "a|b;"),
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        check_parsed_as(rows[i].input, rows[i].input.len, rows[i].wanted);
        check_parsed_as(rows[i].input, rows[i].input.len - 1, SLICE(TOO_LARGE));
    }
}
END_TEST

START_TEST(parser_counts_each_request_alone_against_max_request) {
    check_parsed_as(SLICE("a $1\nx\nb $1\ny\n*1\r\n$1\r\nc\r\n"), 11, SLICE("a|x;b|y;c;"));
    check_parsed_as(SLICE("ping\na $9\n"), 11, SLICE("ping;" TOO_LARGE));
}
END_TEST

START_TEST(parser_refuses_a_length_over_max_request_before_its_bytes_come) {
    check_parsed_as(SLICE("a $1048577\n"), MAX_REQUEST, SLICE(TOO_LARGE));
    check_parsed_as(SLICE("a $9999999999\n"), MAX_REQUEST, SLICE(TOO_LARGE));
    check_parsed_as(SLICE("a $600000 $600000\n"), 600100, SLICE("~"));
    check_parsed_as(SLICE("*1\r\n$1048576\r\n"), MAX_REQUEST, SLICE(TOO_LARGE));
    check_parsed_as(SLICE("*1\r\n$9999999999\r\n"), MAX_REQUEST, SLICE(TOO_LARGE));
}
END_TEST

START_TEST(parser_says_how_many_bytes_a_request_needs) {
    static const struct {
        const char *input;
        size_t needs;
    } rows[] = {
        {"", 0},
        {"ping", 0},
        {"a $100", 0},
        {"a $100\n", 7 + 100 + 1},
        {"a $3 $100\n", 10 + 3 + 1},
        {"a $3 b $100\nabc\n", 12 + 4 + 100 + 1},
        {"*2\r\n$1", 0},
        {"*2\r\n$100\r\n", 10 + 100 + 2},
        {"*2\r\n$100\r\nabc", 10 + 100 + 2},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct feed f;
        feed_begin(&f, MAX_REQUEST);
        feed(&f, rows[i].input, strlen(rows[i].input));
        ck_assert_msg(parser_needs(&f.parser) == rows[i].needs, "'%s' needs %zu", rows[i].input,
                      parser_needs(&f.parser));
        feed_end(&f, rows[i].input, *rows[i].input ? SLICE("~") : SLICE(""));
    }
}
END_TEST

START_TEST(parser_takes_a_large_block_in_many_pieces) {
    struct bytes block = {0}, wanted = {0};
    struct feed f;
    while (block.len < 300000)
        bytes_append_literal(&block, "\r\n*$\"\0 ");
    feed_begin(&f, MAX_REQUEST);
    bytes_printf(&wanted, "a $%zu\n", block.len);
    feed(&f, wanted.data, wanted.len);
    for (size_t at = 0; at < block.len; at += 1009)
        feed(&f, block.data + at, block.len - at < 1009 ? block.len - at : 1009);
    feed(&f, "\n", 1);
    wanted.len = 0;
    bytes_append_literal(&wanted, "a|");
    bytes_append_slice(&wanted, bytes_slice(&block));
    bytes_append_literal(&wanted, ";");
    feed_end(&f, "large block", bytes_slice(&wanted));
    bytes_deinit(&block);
    bytes_deinit(&wanted);
}
END_TEST

int main(void) {
    return RUN_TESTS(
        "parser", parser_splits_a_line_into_words, parser_waits_for_the_rest_of_a_request,
        parser_ignores_empty_lines_and_arrays, parser_unescapes_quoted_words,
        parser_rejects_unbalanced_quote, parser_rejects_unknown_escapes,
        parser_rejects_a_quote_that_touches_a_word, parser_rejects_control_bytes_in_bare_words,
        parser_judges_each_byte_of_a_long_bare_word,
        parser_takes_blocks_in_the_order_of_their_words, parser_rejects_a_block_of_another_length,
        parser_rejects_a_dollar_that_announces_no_block, parser_rejects_http_methods,
        parser_rejects_http_headers, parser_takes_words_that_only_look_like_http,
        parser_reads_arrays, parser_rejects_broken_arrays,
        parser_reads_pipelined_requests_of_both_forms, parser_takes_lines_of_64_kib_and_no_longer,
        parser_takes_a_line_of_nothing_but_words, parser_takes_arrays_of_65535_words,
        parser_rejects_arrays_of_65536_words_at_once,
        parser_takes_requests_of_max_request_bytes_and_no_longer,
        parser_counts_each_request_alone_against_max_request,
        parser_refuses_a_length_over_max_request_before_its_bytes_come,
        parser_says_how_many_bytes_a_request_needs, parser_takes_a_large_block_in_many_pieces);
}
