// Verbs of the collection `memo`: a computed result, with stampede protection (memo.h).
#include "protocol/memo.h"

#include <time.h>

#include "protocol/number.h"
#include "protocol/reply.h"
#include "protocol/verb.h"

// --- scripts ----------------------------------------------------------------------------------

// The beginning of each script. It reads the key's string v and, unless that is a plain value, the
// letter, the parts after the letter, and whether the lease or "nothing" has not ended yet. A
// string that only begins like one of these is a plain value, since other programs may write to the
// key.
//
// The server's time is computed from the key's own end and its ttl, since an account may lack TIME.
// For a key that was made to stay for ever the time is not known: then a lease or "nothing" counts
// as ended.
#define SCRIPT_READ                                                                                \
    "local v = redis.call('GET', KEYS[1])\n"                                                       \
    "local p = redis.call('PTTL', KEYS[1])\n"                                                      \
    "local at_ms = redis.call('PEXPIRETIME', KEYS[1])\n"                                           \
    "local now = p >= 0 and at_ms - p\n"                                                           \
    "local kind = ''\n"                                                                            \
    "if v and string.sub(v, 1, 5) == '\\0memo' then kind = string.sub(v, 6, 6) end\n"              \
    "local token, till, ends, delta, value = '', 0, 0, 0, v\n"                                     \
    "local _, at, t, e, d\n"                                                                       \
    "if kind == 'L' then\n"                                                                        \
    "  _, _, token, till = string.find(v, '^(%x+) (%d+)$', 7)\n"                                   \
    "elseif kind == 'N' then\n"                                                                    \
    "  _, _, till = string.find(v, '^(%d+)$', 7)\n"                                                \
    "elseif kind == 'S' then\n"                                                                    \
    "  _, _, token, t, e, d, at = string.find(v, '^(%x+) (%d+) (%d+) (%d+) ()', 7)\n"              \
    "  if at then\n"                                                                               \
    "    till, ends, delta, value = t, tonumber(e), tonumber(d), string.sub(v, at)\n"              \
    "  else kind = '' end\n"                                                                       \
    "elseif kind == 'V' then\n"                                                                    \
    "  _, _, d, at = string.find(v, '^(%d+) ()', 7)\n"                                             \
    "  if at then delta, value = tonumber(d), string.sub(v, at) else kind = '' end\n"              \
    "end\n"                                                                                        \
    "till = tonumber(till or 0)\n"                                                                 \
    "local holds = now and now < till\n"

// Sets the key to text that ends with the time when its ttl ends.
#define SCRIPT_SET_TILL(text, ttl)                                                                 \
    "redis.call('SET', KEYS[1], '', 'PX', " ttl ")\n"                                              \
    "till = redis.call('PEXPIRETIME', KEYS[1])\n"                                                  \
    "redis.call('SET', KEYS[1], " text " .. till, 'PXAT', till)\n"

// ARGV of the script: token, lease, stale, early. It may be sent again when its answer was lost:
// then the lease that it has taken is its own.
static const char ask_script[] = SCRIPT_READ
    "local mine, lease, stale = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])\n"
    "if holds and mine ~= '' and token == redis.sha1hex(mine) then holds = false end\n"
    "if kind == 'N' and holds then return {'NULL', false, false} end\n"
    "local stays = v and kind == '' and p == -1 or kind == 'V' and p == -1\n"
    "local rest = p\n"
    "if kind == 'S' then rest = now and ends - now or 0 end\n"
    "if not v or kind == 'L' or kind == 'N' or (rest <= 0 and not stays) then\n"
    "  if mine == '' or holds then return {'MISS', false, false} end\n"
    "  " SCRIPT_SET_TILL(
        "'\\0memoL' .. redis.sha1hex(mine) .. ' '",
        "lease") "  return {'MISS', false, mine}\n"
                 "end\n"
                 "local state = 'HIT'\n"
                 "if not stays and rest <= stale then state = 'STALE' end\n"
                 "if stays or mine == '' or holds or (state == 'HIT' and ARGV[4] == '0') then\n"
                 "  return {state, value, false}\n"
                 "end\n"
                 "redis.call('SET', KEYS[1], '\\0memoS' .. redis.sha1hex(mine) .. ' ' .. (now + "
                 "lease) .. ' '"
                 " .. (now + rest) .. ' ' .. delta .. ' ' .. value, 'PX', math.max(rest, lease))\n"
                 "return {state, value, mine}\n";

// Ends the script with 0 unless the lease with the token ARGV[1] still holds.
#define SCRIPT_HOLDS "if not holds or token ~= redis.sha1hex(ARGV[1]) then return 0 end\n"

// ARGV of the script: token, value, ttl with stale ("" for none), lease, whether delta is kept.
static const char put_script[] = SCRIPT_READ SCRIPT_HOLDS
    "local new = ARGV[2]\n"
    "if ARGV[5] == '1' or string.sub(new, 1, 5) == '\\0memo' then\n"
    "  new = '\\0memoV' .. math.max(tonumber(ARGV[4]) - (till - now), 0) .. ' ' .. new\n"
    "end\n"
    "if ARGV[3] == '' then redis.call('SET', KEYS[1], new)\n"
    "else redis.call('SET', KEYS[1], new, 'PX', ARGV[3]) end\n"
    "return 1\n";

// ARGV of the script: token, ttl.
static const char null_script[] =
    SCRIPT_READ SCRIPT_HOLDS SCRIPT_SET_TILL("'\\0memoN'", "ARGV[2]") "return 1\n";

// ARGV of the script: token. A value with a lease becomes again the value that it was.
static const char drop_script[] = SCRIPT_READ SCRIPT_HOLDS
    "if kind == 'L' or ends <= now then redis.call('DEL', KEYS[1]) return 1 end\n"
    "if delta > 0 or string.sub(value, 1, 5) == '\\0memo' then\n"
    "  value = '\\0memoV' .. delta .. ' ' .. value\n"
    "end\n"
    "redis.call('SET', KEYS[1], value, 'PX', ends - now)\n"
    "return 1\n";

// ARGV of the script: ttl ("" for none), stale. To the ttl of a value the time is added for which
// the value may be stale; a lease and "nothing" keep their end.
static const char touch_script[] =
    "local kind = redis.call('TYPE', KEYS[1]).ok\n"
    "local ours = kind == 'string' and redis.call('GETRANGE', KEYS[1], 0, 5) or ''\n"
    "if kind == 'none' then return 0 end\n"
    "if ours == '\\0memoL' or ours == '\\0memoS' or ours == '\\0memoN' then return 1 end\n"
    "if ARGV[1] == '' then redis.call('PERSIST', KEYS[1]) return 1 end\n"
    "local more = kind == 'string' and ARGV[2] or 0\n"
    "return redis.call('PEXPIRE', KEYS[1], ARGV[1] + more)\n";

static void begin_script(struct command *c, struct slice script, size_t args) {
    command_begin(c, SLICE("EVAL"), 4 + args);
    command_word(c, script);
    command_word(c, SLICE("1"));
}

#define SCRIPT(text) ((struct slice){(text), sizeof(text) - 1})

void memo_build_ask(struct command *c, struct slice key, struct slice token, int64_t lease_ms,
                    int64_t stale_ms, bool is_early) {
    begin_script(c, SCRIPT(ask_script), 4);
    command_word(c, key);
    command_word(c, token);
    command_integer(c, lease_ms);
    command_integer(c, stale_ms);
    command_integer(c, is_early);
}

void memo_build_drop(struct command *c, struct slice key, struct slice token) {
    begin_script(c, SCRIPT(drop_script), 1);
    command_word(c, key);
    command_word(c, token);
}

// --- commands ---------------------------------------------------------------------------------

// A fresh value needs one round trip. PTTL is not asked where no stale value is served and none is
// refreshed early: there, each value that exists is fresh.
static void build_get(struct command *c, const struct call *call) {
    c->stale_ms = call->stale_ms;
    c->early_factor = call->early_factor;
    if (!c->frame.has_ttl && (call->stale_ms > 0 || call->early_factor > 0))
        command_ask_ttl(c, call);
    command_begin(c, SLICE("GET"), 2);
    command_key(c, call, call->args[0]);
}

static bool begins_like_ours(struct slice value) {
    return slice_begins(value, (struct slice){MEMO_MAGIC, MEMO_MAGIC_SIZE});
}

void memo_write_value(struct command *c, struct slice value) {
    if (begins_like_ours(value))
        reply_bulk_of(c->out, SLICE(MEMO_MAGIC "V0 "), value);
    else
        command_word(c, value);
}

void memo_build_touch(struct command *c, const struct call *call) {
    begin_script(c, SCRIPT(touch_script), 2);
    command_key(c, call, call->args[0]);
    if (call->ttl_rule == TTL_SET)
        command_integer(c, call->ttl_ms);
    else
        command_word(c, SLICE(""));
    command_integer(c, call->stale_ms);
}

static void build_set(struct command *c, const struct call *call) {
    bool has_ttl = call->ttl_rule == TTL_SET;
    command_begin(c, SLICE("SET"), has_ttl ? 5 : 3);
    command_key(c, call, call->args[0]);
    memo_write_value(c, call->args[1]);
    if (!has_ttl)
        return;
    command_word(c, SLICE("PX"));
    command_integer(c, call->ttl_ms + call->stale_ms);
}

static void build_put(struct command *c, const struct call *call) {
    begin_script(c, SCRIPT(put_script), 5);
    command_key(c, call, call->args[0]);
    command_word(c, call->args[1]);
    command_word(c, call->args[2]);
    if (call->ttl_rule == TTL_SET)
        command_integer(c, call->ttl_ms + call->stale_ms);
    else
        command_word(c, SLICE(""));
    command_integer(c, call->lease_ms);
    command_integer(c, call->early_factor > 0);
}

static void build_null(struct command *c, const struct call *call) {
    begin_script(c, SCRIPT(null_script), 2);
    command_key(c, call, call->args[0]);
    command_word(c, call->args[1]);
    command_integer(c, call->null_ttl_ms);
}

static void build_drop(struct command *c, const struct call *call) {
    begin_script(c, SCRIPT(drop_script), 1);
    command_key(c, call, call->args[0]);
    command_word(c, call->args[1]);
}

static void build_later(struct command *c, const struct call *call) {
    struct slice sample = SLICE("1");
    memo_build_ask(c, call->args[0], sample, 1, 1, false);
    memo_build_drop(c, call->args[0], sample);
}

// --- answers ----------------------------------------------------------------------------------

static void write_state(struct answer *a, enum memo_state state, struct slice name) {
    a->memo_state = state;
    reply_array(a->out, 3);
    reply_bulk(a->out, name);
}

// Takes a whole number and the space after it off the front. Returns -1 when there is none.
static int64_t take_number(struct slice *s) {
    int64_t number = 0;
    size_t at = 0;
    for (; at < s->len && at < 15 && s->data[at] >= '0' && s->data[at] <= '9'; at++)
        number = number * 10 + (s->data[at] - '0');
    if (at == 0 || at == s->len || s->data[at] != ' ')
        return -1;
    *s = (struct slice){s->data + at + 1, s->len - at - 1};
    return number;
}

// Returns whether it is time to compute a value again that took delta_ms to compute, and that is
// fresh for another rest_ms. By XFetch (Vattani, Chierichetti, Lowenstein: "Optimal probabilistic
// cache stampede prevention", VLDB 2015), when -ln(random) * beta * delta reaches that end.
static bool is_due_early(const struct answer *a, int64_t delta_ms, int64_t rest_ms) {
    return a->early_factor > 0 && (double)delta_ms * a->early_factor >= (double)rest_ms;
}

// Renders a value that Redis keeps for ttl_ms; in the last stale_ms of these the value is stale.
// `rest` bytes of the value are still to come.
static void render_value(struct answer *a, int64_t delta_ms, struct slice value, size_t rest) {
    bool is_unknown = a->frame.has_ttl && a->ttl_ms == ANSWER_NO_TTL; // PTTL was refused
    bool is_for_ever = !a->frame.has_ttl || a->ttl_ms < 0;
    int64_t rest_ms = is_for_ever ? 0 : a->ttl_ms - a->stale_ms;
    if (is_unknown || (!is_for_ever && rest_ms <= 0))
        a->memo_state = MEMO_ASK;
    else if (!is_for_ever && is_due_early(a, delta_ms, rest_ms))
        a->memo_state = MEMO_ASK_EARLY;
    else {
        write_state(a, MEMO_HIT, SLICE("HIT"));
        answer_bulk(a, a->out, value, rest, SLICE("\r\n$-1\r\n"));
    }
    if (!is_for_ever)
        a->ttl_ms = rest_ms; // for so long the near cache keeps the value
}

// Returns how long it is until that time, by this machine's clock. In case of doubt the script is
// asked, which knows the server's time.
static int64_t ms_until(int64_t time_ms) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return time_ms - (int64_t)now.tv_sec * 1000 - now.tv_nsec / 1000000;
}

// Returns whether "nothing" is still the result: another verb may have made the key live longer.
static bool lasts(struct answer *a, struct slice till) {
    int64_t time_ms;
    int64_t left_ms = number_parse_int(till, &time_ms) ? ms_until(time_ms) : 0;
    if (a->ttl_ms > left_ms)
        a->ttl_ms = left_ms; // for so long the near cache keeps "nothing"
    return left_ms > 0;
}

static void render_ours(struct answer *a, const struct event *e) {
    struct slice text = e->text;
    char kind = text.len > MEMO_MAGIC_SIZE ? text.data[MEMO_MAGIC_SIZE] : '\0';
    struct slice value = {text.data + MEMO_MAGIC_SIZE + 1, text.len - MEMO_MAGIC_SIZE - 1};
    int64_t delta_ms = kind == 'V' ? take_number(&value) : -1;
    if (kind == 'N' && e->rest == 0 && lasts(a, value)) {
        write_state(a, MEMO_NULL, SLICE("NULL"));
        bytes_append_literal(a->out, "$-1\r\n$-1\r\n");
    } else if (kind == 'V' && delta_ms >= 0)
        render_value(a, delta_ms, value, e->rest);
    else
        a->memo_state = MEMO_ASK;
}

static void render_get(struct answer *a, const struct event *e) {
    if (e->type == EVENT_END)
        return;
    if (e->depth > 0 || (e->type != EVENT_NIL && e->type != EVENT_BULK))
        answer_fail_unknown(a);
    else if (e->type == EVENT_NIL)
        a->memo_state = MEMO_ASK;
    else if (e->text.len > MEMO_MAGIC_SIZE && begins_like_ours(e->text))
        render_ours(a, e);
    else
        render_value(a, 0, e->text, e->rest);
}

// Takes hexadecimal digits and the space after them off the front. Returns false when there are
// none.
static bool take_hash(struct slice *s) {
    size_t at = 0;
    while (at < s->len && number_hex_digit(s->data[at]) >= 0)
        at++;
    if (at == 0 || at == s->len || s->data[at] != ' ')
        return false;
    *s = (struct slice){s->data + at + 1, s->len - at - 1};
    return true;
}

enum memo_content memo_look(struct slice *text, size_t rest) {
    int64_t time_ms, ends_ms;
    struct slice s = {text->data + MEMO_MAGIC_SIZE + 1, text->len - MEMO_MAGIC_SIZE - 1};
    if (text->len <= MEMO_MAGIC_SIZE || !begins_like_ours(*text))
        return MEMO_PLAIN;
    switch (text->data[MEMO_MAGIC_SIZE]) {
    case 'L':
        if (take_hash(&s) && number_parse_int(s, &time_ms) && rest == 0)
            return MEMO_NO_VALUE;
        return MEMO_PLAIN;
    case 'N': return number_parse_int(s, &time_ms) && rest == 0 ? MEMO_NO_VALUE : MEMO_PLAIN;
    case 'S':
        if (!take_hash(&s) || take_number(&s) < 0 || (ends_ms = take_number(&s)) < 0 ||
            take_number(&s) < 0)
            return MEMO_PLAIN;
        *text = s;
        return ms_until(ends_ms) > 0 ? MEMO_VALUE : MEMO_NO_VALUE;
    case 'V':
        if (take_number(&s) < 0)
            return MEMO_PLAIN;
        *text = s;
        return MEMO_VALUE;
    default: return MEMO_PLAIN;
    }
}

static enum memo_state state_of(struct slice name) {
    if (slice_equal(name, SLICE("HIT")))
        return MEMO_HIT;
    if (slice_equal(name, SLICE("STALE")))
        return MEMO_STALE;
    return slice_equal(name, SLICE("NULL")) ? MEMO_NULL : MEMO_MISS;
}

// Returns whether an event has the shape that the script replies: three elements, which are a
// state, a bulk or nil, and a token or nil.
static bool is_as_asked(const struct event *e) {
    bool is_text = e->type == EVENT_BULK, is_nil = e->type == EVENT_NIL;
    if (e->depth == 0)
        return e->type == EVENT_ARRAY && e->count == 3;
    if (e->depth > 1 || !(is_text || is_nil))
        return false;
    return e->index == 1 || (e->index == 0 && is_text) ||
           (e->index == 2 && (is_nil || e->text.len == MEMO_TOKEN_SIZE));
}

void render_memo_asked(struct answer *a, const struct event *e) {
    if (e->type == EVENT_END)
        return;
    if (!is_as_asked(e)) {
        answer_fail_unknown(a);
        return;
    }
    if (e->depth == 1 && e->index == 0) {
        a->memo_state = state_of(e->text);
        a->is_miss = a->memo_state == MEMO_MISS;
    } else if (e->depth == 1 && e->index == 2) {
        a->has_lease = e->type == EVENT_BULK;
    }
    render_as_is(a, e);
}

// The reply is "*3 $n STATE value lease", where n has one digit.
struct slice memo_value_part(struct slice reply, bool has_lease) {
    size_t before = strlen("*3\r\n$n\r\n\r\n") + (size_t)(reply.data[5] - '0');
    size_t lease = has_lease ? strlen("$nn\r\n\r\n") + MEMO_TOKEN_SIZE : strlen("$-1\r\n");
    return (struct slice){reply.data + before, reply.len - before - lease};
}

static void render_holds(struct answer *a, const struct event *e) {
    if (e->type == EVENT_END)
        return;
    if (e->depth > 0 || e->type != EVENT_INTEGER)
        answer_fail_unknown(a);
    else if (e->integer == 0)
        answer_fail(a, REPLY_LEASE, "the lease is no longer valid");
    else
        reply_status(a->out, "OK");
}

const struct verb memo_verbs[] = {
    {
        .name = "memo.get",
        .flags = VERB_READ | VERB_NEAR | VERB_TWO_STEPS | VERB_MEMO | VERB_LONG,
        .syntax = "[wait=] N K",
        .summary =
            "state, value, lease: HIT, NULL, STALE or MISS; with a lease it is you who computes",
        .build = build_get,
        .build_later = build_later,
        .render = render_get,
        .miss = MISS_MEMO,
    },
    {
        .name = "memo.put",
        .flags = VERB_WRITE | VERB_NEW_TTL | VERB_MEMO,
        .syntax = "[ttl=] N K lease V",
        .summary = "stores what was computed under the lease; LEASE when that has ended",
        .build = build_put,
        .render = render_holds,
    },
    {
        .name = "memo.null",
        .flags = VERB_WRITE | VERB_OWN_TTL | VERB_MEMO,
        .syntax = "N K lease",
        .summary = "as memo.put: that the result is nothing, for null_ttl",
        .build = build_null,
        .render = render_holds,
    },
    {
        .name = "memo.drop",
        .flags = VERB_WRITE | VERB_OWN_TTL | VERB_MEMO,
        .syntax = "N K lease",
        .summary = "gives the lease back: 1, or 0 if it has ended",
        .build = build_drop,
        .render = render_integer,
    },
    {
        .name = "memo.set",
        .flags = VERB_WRITE | VERB_NEW_TTL | VERB_MEMO,
        .syntax = "[ttl=] N K V",
        .summary = "stores the value whoever computes it; ends any lease",
        .build = build_set,
        .render = render_status,
    },
    {0},
};
