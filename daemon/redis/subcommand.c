#include "daemon/redis/subcommand.h"

#include "daemon/redis/own_reply.h"
#include "daemon/request/context.h"
#include "protocol/bytes.h"
#include "protocol/redis/row.h"
#include "protocol/refusal.h"
#include "protocol/reply.h"

enum { LONGEST_NAME = 32 };

static void refuse_unknown(struct request *r, const char *command, struct slice word) {
    struct refusal *refusal = &r->context->refusal;
    refusal_set(refusal, REPLY_ARGS, "unknown subcommand '%.*s'. Try %s HELP.", REPLY_WORD(word),
                command);
    request_fail_with(r, refusal);
}

static void write_lower(char *to, const char *from) {
    size_t i = 0;
    for (; from[i] && i < LONGEST_NAME - 1; i++)
        to[i] = slice_lower(from[i]);
    to[i] = '\0';
}

static void refuse_count(struct request *r, const char *command, const char *subcommand) {
    char first[LONGEST_NAME], second[LONGEST_NAME];
    struct refusal *refusal = &r->context->refusal;
    write_lower(first, command);
    write_lower(second, subcommand);
    refusal_set(refusal, REPLY_ARGS, "wrong number of arguments for '%s|%s' command", first,
                second);
    request_fail_with(r, refusal);
}

static void append_line(struct bytes *out, const char *name, const char *words) {
    bytes_printf(out, "+%s%s%s\r\n", name, words ? " " : "", words ? words : "");
}

// As Redis does: a line for each subcommand, and one below for what it does.
static void help(struct request *r, const char *command, const struct subcommand *list) {
    struct bytes *out = request_out(r);
    size_t lines = 3;
    for (const struct subcommand *s = list; s->name; s++)
        lines += s->run ? 2 : 0;
    reply_array(out, lines);
    bytes_printf(out, "+%s <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n", command);
    for (const struct subcommand *s = list; s->name; s++) {
        if (!s->run)
            continue;
        append_line(out, s->name, s->words);
        append_line(out, "   ", s->summary);
    }
    append_line(out, "HELP", NULL);
    append_line(out, "   ", "Print this help.");
    request_finish(r);
}

void subcommand_run(struct request *r, const struct call *call, const struct subcommand *list) {
    const char *command = call->redis->row->name;
    struct slice word = call->args[0];
    size_t rest = call->argc - 1;
    const struct subcommand *s = list;
    while (s->name && !slice_equal_nocase(word, slice_of(s->name)))
        s++;
    if (!s->name && slice_equal_nocase(word, SLICE("HELP")) && rest == 0)
        help(r, command, list);
    else if (!s->name)
        refuse_unknown(r, command, word);
    else if (!s->run)
        own_refuse(r, command, s->name, OWN_SHARED);
    else if (rest < s->least || (rest > s->most && s->most != SUBCOMMAND_ANY))
        refuse_count(r, command, s->name);
    else
        s->run(r, call);
}
