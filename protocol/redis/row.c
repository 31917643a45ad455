#include "protocol/redis/row.h"

#include "protocol/number.h"
#include "protocol/reply.h"

enum { LONGEST_NAME = 32 };

// Redis adds its clock to a ttl, and refuses one with which the sum has no place in 64 bits.
#define LATEST_MS (INT64_MAX - (INT64_C(1) << 41))

// Writes the command's name as Redis does in its errors.
static void write_lower_name(char *to, const struct redis_command *command) {
    size_t len = command->name.len < LONGEST_NAME - 1 ? command->name.len : LONGEST_NAME - 1;
    for (size_t i = 0; i < len; i++)
        to[i] = slice_lower(command->name.data[i]);
    to[len] = '\0';
}

bool redis_refuse_count(struct redis_reading *r) {
    char lower[LONGEST_NAME];
    write_lower_name(lower, r->command);
    return refusal_set(r->refusal, REPLY_ARGS, "wrong number of arguments for '%s' command", lower);
}

bool redis_refuse(struct redis_reading *r, const char *text) {
    return refusal_set(r->refusal, REPLY_ARGS, "%s", text);
}

bool redis_refuse_syntax(struct redis_reading *r) {
    return refusal_set(r->refusal, REPLY_ARGS, "syntax error");
}

bool redis_refuse_integer(struct redis_reading *r) {
    return refusal_set(r->refusal, REPLY_ARGS, "value is not an integer or out of range");
}

bool redis_refuse_expire(struct redis_reading *r) {
    char lower[LONGEST_NAME];
    write_lower_name(lower, r->command);
    return refusal_set(r->refusal, REPLY_ARGS, "invalid expire time in '%s' command", lower);
}

bool redis_read_integer(struct redis_reading *r, struct slice word, int64_t *number) {
    return number_parse_int(word, number) || redis_refuse_integer(r);
}

bool redis_read_ttl(struct redis_reading *r, struct slice word, int64_t unit_ms) {
    int64_t number;
    if (!redis_read_integer(r, word, &number))
        return false;
    if (number <= 0 || number > LATEST_MS / unit_ms)
        return redis_refuse_expire(r);
    r->call->ttl_asked_ms = number * unit_ms;
    r->call->options |= 1u << OPTION_TTL;
    return true;
}

void redis_take_head(struct redis_reading *r, size_t skipped) {
    struct slice key = r->words[0];
    memmove(r->words, r->words + 1, skipped * sizeof(*r->words));
    r->words[skipped] = key;
    r->call->args = r->words + skipped;
    r->call->argc = r->count - skipped;
    r->call->head = (uint32_t)skipped;
}

static bool refuse_no_keys(struct redis_reading *r) {
    char lower[LONGEST_NAME];
    write_lower_name(lower, r->command);
    return refusal_set(r->refusal, REPLY_ARGS, "at least 1 input key is needed for '%s' command",
                       lower);
}

bool redis_read_part(struct redis_reading *r) {
    r->call->reaches = 0;
    return r->count <= r->command->entry.signature.most || redis_refuse_count(r);
}

bool redis_read_keys(struct redis_reading *r, size_t at, const char *few) {
    int64_t keys;
    bool is_number = number_parse_int(r->words[at], &keys);
    if (few && !(is_number && keys > 0))
        return redis_refuse(r, few);
    if (!is_number)
        return redis_refuse_integer(r);
    if (keys <= 0)
        return refuse_no_keys(r);
    if ((uint64_t)keys > r->count - at - 1)
        return redis_refuse_syntax(r);
    r->call->more_keys = (uint32_t)(at + 1);
    r->call->more_keys_end = (uint32_t)(at + 1 + (size_t)keys);
    return true;
}

bool redis_has(const struct redis_reading *r, size_t from, const char *option) {
    for (size_t i = from; i < r->count; i++)
        if (redis_is(r->words[i], option))
            return true;
    return false;
}
