#include "protocol/builder.h"

#include <assert.h>

#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/command.h"
#include "protocol/reply.h"

static void build_plain(struct command *c, const struct call *call) {
    command_plain(c, call, call->verb->redis);
}

static void build_write(struct command *c, const struct call *call) {
    command_write(c, call, call->verb->redis);
}

static void build_of_keys(struct command *c, const struct call *call) {
    command_begin(c, call->verb->redis, 1 + call->argc);
    for (size_t i = 0; i < call->argc; i++)
        reply_bulk_of(c->out, call_prefix(call, i), call->args[i]);
}

// The number is the last of `most` arguments.
static void build_increment(struct command *c, const struct call *call, size_t most) {
    command_write_begin(c, call);
    command_begin(c, call->verb->redis, 1 + most);
    command_key(c, call, call->args[0]);
    command_args(c, call, 1);
    if (call->argc < most)
        command_word(c, SLICE("1"));
    command_write_end(c, call);
}

static void build_increment_of_key(struct command *c, const struct call *call) {
    build_increment(c, call, 2);
}

static void build_increment_of_field(struct command *c, const struct call *call) {
    build_increment(c, call, 3);
}

static void build_scan(struct command *c, const struct call *call) {
    bool has_count = call->options & 1u << OPTION_COUNT;
    command_begin(c, call->verb->redis, 3 + (has_count ? 2 : 0));
    command_key(c, call, call->args[0]);
    command_word(c, call->args[1]);
    if (has_count) {
        command_word(c, SLICE("COUNT"));
        command_integer(c, call->count);
    }
}

static bool may_lack_number(const struct signature *s) {
    return s->group == 0 && s->least < s->fixed && s->kinds[s->fixed - 1] == ARG_INTEGER;
}

verb_build *builder_of(const struct verb *verb, const struct signature *s) {
    assert(!verb->redis.data || !verb->build);
    if (!verb->redis.data)
        return verb->build;
    if (signature_repeats_key(s))
        return build_of_keys;
    if (verb->miss == MISS_SCAN)
        return build_scan;
    if (may_lack_number(s))
        return s->fixed == 2 ? build_increment_of_key : build_increment_of_field;
    return verb->flags & VERB_WRITE && !(verb->flags & VERB_NO_TTL) ? build_write : build_plain;
}
