#include "protocol/redis/passed.h"

#include "protocol/bytes.h"
#include "protocol/collection.h"
#include "protocol/memo.h"
#include "protocol/redis/row.h"
#include "protocol/syntax.h"

// Returns what the policy says of the call's key number `number`.
static struct call_key_part part_of(const struct call *call, size_t number) {
    if (call->parts)
        return call->parts[number];
    bool heals = call->ttl_rule == TTL_SET_IF_NONE;
    return (struct call_key_part){call->prefix, heals ? call->ttl_ms : 0, call->cap_ms};
}

static void write_key(struct command *c, const struct call *call, struct slice key, size_t number) {
    struct call one = {.prefix = part_of(call, number).prefix};
    command_key(c, &one, key);
}

void passed_value(struct command *c, struct slice value) {
    if (value.len > 0 && *value.data == *MEMO_MAGIC)
        memo_write_value(c, value);
    else
        command_word(c, value);
}

// Writes the options that stand behind the first argument.
static inline void write_head(struct command *c, const struct call *call, size_t index) {
    for (size_t i = index == 0 ? call->head : 0; i > 0; i--)
        command_word(c, *(call->args - i));
}

static void write_as_it_is(struct command *c, const struct call *call) {
    const struct redis_command *command = call->redis;
    const struct signature *s = &command->entry.signature;
    bool has_values = command->entry.collection == COLLECTION_KEY && s->has_kinds & 1u << ARG_VALUE;
    size_t next = syntax_next_key(s, call, 0), number = 0;
    command_begin(c, command->name, 1 + call->argc + call->head);
    c->limit = (int64_t)part_of(call, 0).prefix.len;
    for (size_t i = 0; i < call->argc; i++) {
        if (i == next) {
            write_key(c, call, call->args[i], number++);
            next = syntax_next_key(s, call, i + 1);
            write_head(c, call, i);
        } else if (has_values && signature_kind(s, i) == ARG_VALUE) {
            passed_value(c, call->args[i]);
        } else {
            command_word(c, call->args[i]);
        }
    }
}

void passed_write(struct command *c, const struct call *call) {
    const struct redis_command *command = call->redis;
    if (command->row->build)
        command->row->build(c, call);
    else if (command->entry.build == passed_build || !command->entry.build) // PING has no builder
        write_as_it_is(c, call);
    else
        command->entry.build(c, call);
}

static bool is_created(const struct redis_row *row, const struct call *call, size_t index,
                       size_t number) {
    switch (row->creates) {
    case CREATES_NONE: return false;
    case CREATES_FIRST: return number == 0;
    case CREATES_SECOND: return number == 1;
    case CREATES_ALL: return true;
    case CREATES_MORE: return index >= call->more_keys && index < call->more_keys_end;
    }
    return false;
}

static void repair_key(struct command *c, const struct call *call, size_t index, size_t number) {
    struct call_key_part part = part_of(call, number);
    struct call one = {.prefix = part.prefix};
    if (part.heal_ms > 0) {
        command_begin(c, SLICE("PEXPIRE"), 4);
        command_key(c, &one, call->args[index]);
        command_integer(c, part.heal_ms);
        command_word(c, SLICE("NX"));
    }
    if (part.cap_ms > 0) {
        command_begin(c, SLICE("PEXPIRE"), 4);
        command_key(c, &one, call->args[index]);
        command_integer(c, part.cap_ms);
        command_word(c, SLICE("LT"));
    }
}

void passed_repair(struct command *c, const struct call *call) {
    const struct redis_command *command = call->redis;
    const struct signature *s = &command->entry.signature;
    size_t number = 0;
    if (command->row->creates == CREATES_NONE)
        return;
    for (size_t i = syntax_next_key(s, call, 0); i < call->argc;
         i = syntax_next_key(s, call, i + 1))
        if (is_created(command->row, call, i, number++))
            repair_key(c, call, i, number - 1);
}

static bool needs_repair(const struct call *call) {
    if (call->redis->row->creates == CREATES_NONE)
        return false;
    return call->parts || call->ttl_rule == TTL_SET_IF_NONE || call->cap_ms > 0;
}

void passed_build(struct command *c, const struct call *call) {
    bool is_repaired = needs_repair(call);
    if (is_repaired)
        command_transaction_begin(c);
    passed_write(c, call);
    if (!is_repaired)
        return;
    passed_repair(c, call);
    command_begin(c, SLICE("EXEC"), 1);
}

// The prefix of the key, which the client does not know, is a->limit bytes long.
void render_popped(struct answer *a, const struct event *e) {
    bool is_key = e->type == EVENT_BULK && e->depth == 1 && e->index == 0;
    if (!is_key) {
        render_as_is(a, e);
    } else if (e->text.len < (size_t)a->limit) {
        answer_fail_unknown(a);
    } else {
        struct event rest = *e;
        rest.text = (struct slice){e->text.data + a->limit, e->text.len - (size_t)a->limit};
        render_as_is(a, &rest);
    }
}
