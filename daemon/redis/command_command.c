// COMMAND: which commands there are, by the table that finds them. Client libraries ask where the
// keys of a command are, and redis-cli what it can complete.
#include <fnmatch.h>

#include "daemon/redis/command_shape.h"
#include "daemon/redis/own_reply.h"
#include "daemon/redis/own_rows.h"
#include "daemon/redis/subcommand.h"
#include "daemon/request/context.h"
#include "daemon/request/request.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/redis/row.h"
#include "protocol/redis/table.h"
#include "protocol/refusal.h"
#include "protocol/reply.h"
#include "protocol/syntax.h"
#include "protocol/verb.h"
#include "protocol/verb_table.h"

enum { LONGEST_PATTERN = 128 };

static const struct redis_table *table_of(const struct request *r) {
    return verb_redis(r->context->verbs);
}

// --- which commands ---------------------------------------------------------------------------

// The filters that COMMAND LIST may have. All zero: every command.
struct filter {
    struct slice category; // of ACL: "@string" or "string"
    char pattern[LONGEST_PATTERN];
    bool is_nothing;
};

static bool passes(const struct filter *f, const struct redis_command *command) {
    char name[COMMAND_NAME_SIZE];
    if (command->row->is_variant || command->row->refused || f->is_nothing)
        return false;
    command_lower_name(name, command);
    if (f->pattern[0] && fnmatch(f->pattern, name, FNM_CASEFOLD) != 0)
        return false;
    return f->category.len == 0 || command_has_category(command, f->category);
}

// Returns the next command from *place on that passes, and leaves *place behind it.
static const struct redis_command *next_command(const struct request *r, const struct filter *f,
                                                size_t *place) {
    const struct redis_command *command;
    while ((command = redis_at(table_of(r), (*place)++)))
        if (passes(f, command))
            return command;
    return NULL;
}

static size_t count_commands(const struct request *r, const struct filter *f) {
    size_t count = 0, place = 0;
    while (next_command(r, f, &place))
        count++;
    return count;
}

static const struct filter every = {0};

// --- COUNT, LIST ------------------------------------------------------------------------------

static void run_count(struct request *r, const struct call *call) {
    (void)call;
    own_finish_integer(r, (int64_t)count_commands(r, &every));
}

static void read_pattern(struct filter *f, struct slice pattern) {
    f->is_nothing = pattern.len >= sizeof(f->pattern);
    if (!f->is_nothing && pattern.len > 0)
        memcpy(f->pattern, pattern.data, pattern.len);
}

// COMMAND LIST [FILTERBY MODULE name | ACLCAT category | PATTERN pattern]
static bool read_filter(const struct call *call, struct filter *f) {
    if (call->argc == 1)
        return true;
    if (call->argc != 4 || !slice_equal_nocase(call->args[1], SLICE("FILTERBY")))
        return false;
    if (slice_equal_nocase(call->args[2], SLICE("ACLCAT")))
        f->category = call->args[3];
    else if (slice_equal_nocase(call->args[2], SLICE("PATTERN")))
        read_pattern(f, call->args[3]);
    else
        f->is_nothing = slice_equal_nocase(call->args[2], SLICE("MODULE"));
    return f->is_nothing || f->category.len > 0 || f->pattern[0];
}

static void run_list(struct request *r, const struct call *call) {
    struct filter filter = {0};
    const struct redis_command *command;
    char name[COMMAND_NAME_SIZE];
    size_t place = 0;
    if (!read_filter(call, &filter)) {
        request_fail(r, REPLY_ARGS, "syntax error");
        return;
    }
    reply_array(request_out(r), count_commands(r, &filter));
    while ((command = next_command(r, &filter, &place))) {
        command_lower_name(name, command);
        own_text(r, name);
    }
    request_finish(r);
}

// --- INFO, DOCS -------------------------------------------------------------------------------

static const struct redis_command *find(const struct request *r, struct slice name) {
    const struct redis_command *command = redis_find(table_of(r), name);
    return command && !command->row->refused ? command : NULL;
}

static void run_all(struct request *r) {
    const struct redis_command *command;
    size_t place = 0;
    reply_array(request_out(r), count_commands(r, &every));
    while ((command = next_command(r, &every, &place)))
        command_write_shape(r, command);
    request_finish(r);
}

static void run_info(struct request *r, const struct call *call) {
    if (call->argc == 1) {
        run_all(r);
        return;
    }
    reply_array(request_out(r), call->argc - 1);
    for (size_t i = 1; i < call->argc; i++) {
        const struct redis_command *command = find(r, call->args[i]);
        if (command)
            command_write_shape(r, command);
        else if (r->session->is_resp3)
            own_nil(r);
        else
            bytes_append_literal(request_out(r), "*-1\r\n");
    }
    request_finish(r);
}

static void run_docs(struct request *r, const struct call *call) {
    const struct redis_command *command;
    size_t place = 0, count = 0;
    if (call->argc == 1) {
        own_map(r, count_commands(r, &every));
        while ((command = next_command(r, &every, &place)))
            command_write_docs(r, command);
        request_finish(r);
        return;
    }
    for (size_t i = 1; i < call->argc; i++)
        count += find(r, call->args[i]) != NULL;
    own_map(r, count);
    for (size_t i = 1; i < call->argc; i++)
        if ((command = find(r, call->args[i])))
            command_write_docs(r, command);
    request_finish(r);
}

// --- GETKEYS ----------------------------------------------------------------------------------

static size_t count_keys(const struct signature *s, const struct call *call) {
    size_t keys = 0;
    for (size_t at = syntax_next_key(s, call, 0); at < call->argc;
         at = syntax_next_key(s, call, at + 1))
        keys++;
    return keys;
}

// Reads the command that the words behind GETKEYS are. Returns false when the request has failed.
static bool read_command(struct request *r, const struct call *call,
                         const struct redis_command **command, struct call *read) {
    struct refusal *refusal = &r->context->refusal;
    *command = find(r, call->args[1]);
    if (!*command)
        request_fail(r, REPLY_ARGS, "Invalid command specified");
    else if (!(*command)->entry.signature.has_namespace)
        request_fail(r, REPLY_ARGS, "The command has no key arguments");
    else if (call->argc - 2 < (*command)->entry.signature.least)
        request_fail(r, REPLY_ARGS, "Invalid number of arguments specified for command");
    else if (!redis_read_call(command, (struct slice *)call->args + 2, call->argc - 2, read,
                              refusal))
        request_fail(r, REPLY_ARGS, "Invalid arguments specified for command");
    else if (count_keys(&(*command)->entry.signature, read) == 0)
        request_fail(r, REPLY_ARGS, "The command has no key arguments");
    else
        return true;
    return false;
}

static void append_key(struct request *r, const struct redis_command *command, struct slice key,
                       bool has_flags) {
    struct bytes *out = request_out(r);
    if (has_flags)
        reply_array(out, 2);
    reply_bulk(out, key);
    if (has_flags)
        command_write_key_flags(r, command);
}

static void append_keys(struct request *r, const struct call *call, bool has_flags) {
    const struct redis_command *command;
    struct call read;
    if (!read_command(r, call, &command, &read))
        return;
    const struct signature *s = &command->entry.signature;
    reply_array(request_out(r), count_keys(s, &read));
    for (size_t at = syntax_next_key(s, &read, 0); at < read.argc;
         at = syntax_next_key(s, &read, at + 1))
        append_key(r, command, read.args[at], has_flags);
    request_finish(r);
}

static void run_getkeys(struct request *r, const struct call *call) { append_keys(r, call, false); }

static void run_getkeysandflags(struct request *r, const struct call *call) {
    append_keys(r, call, true);
}

// --- the command ------------------------------------------------------------------------------

static const struct subcommand subcommands[] = {
    {"COUNT", NULL, "How many commands there are.", 0, 0, run_count},
    {"DOCS", "[<command> ...]", "What commands do.", 0, SUBCOMMAND_ANY, run_docs},
    {"GETKEYS", "<command> <arg> ...", "The keys among the words of a command.", 1, SUBCOMMAND_ANY,
     run_getkeys},
    {"GETKEYSANDFLAGS", "<command> <arg> ...", "The same, with what becomes of them.", 1,
     SUBCOMMAND_ANY, run_getkeysandflags},
    {"INFO", "[<command> ...]", "How commands are written.", 0, SUBCOMMAND_ANY, run_info},
    {"LIST", "[FILTERBY ACLCAT <category>|PATTERN <pattern>]", "The names of commands.", 0, 3,
     run_list},
    {0},
};

static void run_command(struct request *r, const struct call *call) {
    if (call->argc > 0)
        subcommand_run(r, call, subcommands);
    else
        run_all(r);
}

const struct redis_row own_command[] = {
    {
        .name = "COMMAND",
        .verb = "command",
        .syntax = "[word ...]",
        .summary = "COUNT, LIST, INFO, DOCS, GETKEYS: of the commands that there are",
        .run = run_command,
    },
    {0},
};
