#include "protocol/command.h"

#include "protocol/number.h"
#include "protocol/reply.h"

void command_begin(struct command *c, struct slice name, size_t words) {
    c->replies++;
    reply_array(c->out, words);
    command_word(c, name);
}

void command_word(struct command *c, struct slice word) { reply_bulk(c->out, word); }

void command_integer(struct command *c, int64_t number) {
    char text[NUMBER_TEXT_SIZE];
    command_word(c, (struct slice){text, number_format(text, number)});
}

void command_key(struct command *c, const struct call *call, struct slice key) {
    reply_bulk_of(c->out, call->prefix, key);
}

void command_args(struct command *c, const struct call *call, size_t from) {
    for (size_t i = from; i < call->argc; i++)
        command_word(c, call->args[i]);
}

void command_plain(struct command *c, const struct call *call, struct slice name) {
    command_begin(c, name, 1 + call->argc);
    command_key(c, call, call->args[0]);
    command_args(c, call, 1);
}

void command_transaction_begin(struct command *c) {
    command_begin(c, SLICE("MULTI"), 1);
    c->frame.is_transaction = c->frame.is_any = true;
}

void command_write_begin(struct command *c, const struct call *call) {
    if (call->ttl_rule != TTL_KEEP)
        command_transaction_begin(c);
}

void command_write_end(struct command *c, const struct call *call) {
    if (!c->frame.is_transaction)
        return;
    if (call->ttl_rule == TTL_PERSIST) {
        command_begin(c, SLICE("PERSIST"), 2);
        command_key(c, call, call->args[0]);
    } else if (call->ttl_rule != TTL_KEEP) {
        command_begin(c, SLICE("PEXPIRE"), call->ttl_rule == TTL_SET ? 3 : 4);
        command_key(c, call, call->args[0]);
        command_integer(c, call->ttl_ms);
        if (call->ttl_rule == TTL_SET_IF_NONE)
            command_word(c, SLICE("NX"));
    }
    command_begin(c, SLICE("EXEC"), 1);
}

void command_write(struct command *c, const struct call *call, struct slice name) {
    command_write_begin(c, call);
    command_plain(c, call, name);
    command_write_end(c, call);
}

void command_ask_ttl(struct command *c, const struct call *call) {
    c->frame.has_ttl = c->frame.is_any = true;
    command_begin(c, SLICE("PTTL"), 2);
    command_key(c, call, call->args[0]);
}

// Reads the number behind the mark at `at` ("*3", "$4"), and moves `at` behind its line.
static size_t read_header(struct slice commands, size_t *at) {
    size_t number = 0;
    for (++*at; commands.data[*at] != '\r'; ++*at)
        number = 10 * number + (size_t)(commands.data[*at] - '0');
    *at += 2;
    return number;
}

size_t command_length(struct slice commands) {
    size_t at = 0;
    for (size_t words = read_header(commands, &at); words > 0; words--) {
        size_t len = read_header(commands, &at);
        at += len + 2;
    }
    return at;
}

static bool has_ttl(const struct call *call) {
    return call->ttl_rule == TTL_SET || call->ttl_rule == TTL_SET_IF_NONE;
}

size_t command_ttl_words(const struct call *call) { return has_ttl(call) ? 2 : 0; }

void command_px(struct command *c, int64_t ttl_ms) {
    command_word(c, SLICE("PX"));
    command_integer(c, ttl_ms);
}

void command_ttl(struct command *c, const struct call *call) {
    if (!has_ttl(call))
        return;
    if (call->ttl_px.len > 0)
        bytes_append_slice(c->out, call->ttl_px);
    else
        command_px(c, call->ttl_ms);
}

// The lines before and after a script, under each rule for the ttl.
static const struct {
    struct slice before, behind;
} script_ttls[] = {
#define PART(text) ((struct slice){(text), sizeof(text) - 1})
    [TTL_KEEP] = {PART(""), PART("")},
    [TTL_SET] = {PART(SCRIPT_MAY("PEXPIRE", ", '1'")),
                 PART("redis.call('PEXPIRE', KEYS[1], ARGV[1])\n")},
    [TTL_SET_IF_NONE] = {PART(SCRIPT_MAY("PEXPIRE", ", '1'")),
                         PART("redis.call('PEXPIRE', KEYS[1], ARGV[1], 'NX')\n")},
    [TTL_PERSIST] = {PART(SCRIPT_MAY("PERSIST", "")), PART("redis.call('PERSIST', KEYS[1])\n")},
#undef PART
};

void command_script(struct command *c, const struct call *call, struct slice script) {
    struct bytes text = {0};
    bytes_append_slice(&text, script_ttls[call->ttl_rule].before);
    bytes_append_slice(&text, script);
    bytes_append_slice(&text, script_ttls[call->ttl_rule].behind);
    bytes_append_literal(&text, "return reply\n");
    command_begin(c, SLICE("EVAL"), 4 + call->argc);
    command_word(c, bytes_slice(&text));
    command_word(c, SLICE("1"));
    command_key(c, call, call->args[0]);
    if (has_ttl(call))
        command_integer(c, call->ttl_ms);
    else
        command_word(c, SLICE(""));
    command_args(c, call, 1);
    bytes_deinit(&text);
}
