// Verbs of the collection `counter`: maps fields to whole numbers, like Python's Counter (a Redis
// hash).
#include <assert.h>
#include <stdlib.h>

#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/command.h"
#include "protocol/mem.h"
#include "protocol/number.h"
#include "protocol/reply.h"
#include "protocol/verb.h"

// A script adds all numbers or none; EXEC would keep the additions before a field that overflows.
// Numbers are passed as strings, since Lua's numbers are doubles and wrong above 2^53; their signs
// are right.
//
// Only the sum of a field's numbers matters, not their order: a number that would overflow is put
// off until those of the other sign are added. If one field holds no number and another overflows,
// the error is about the field without a number, whichever comes first.
static const char update_script[] = SCRIPT_MAY("HSET", ", '1', '1'") SCRIPT_MAY(
    "HDEL",
    ", '1'") "local old, late, fault = {}, {}, nil\n"
             "local function add(field, n)\n"
             "  local sum = redis.pcall('HINCRBY', KEYS[1], field, n)\n"
             "  if type(sum) ~= 'table' then return true end\n"
             "  if not fault or not string.find(sum.err, 'overflow', 1, true) then fault = sum "
             "end\n"
             "  return false\n"
             "end\n"
             "for i = 2, #ARGV, 2 do\n"
             "  local field, n = ARGV[i], ARGV[i + 1]\n"
             "  if old[field] == nil then old[field] = redis.call('HGET', KEYS[1], field) end\n"
             "  if not add(field, n) then\n"
             "    late[field] = late[field] or {['-'] = {}, ['+'] = {}}\n"
             "    local sign = string.sub(n, 1, 1) == '-' and '-' or '+'\n"
             "    table.insert(late[field][sign], n)\n"
             "  end\n"
             "end\n"
             "local is_number = not fault or string.find(fault.err, 'overflow', 1, true)\n"
             "if is_number then fault = nil end\n"
             "for field, of in pairs(late) do\n"
             "  while not fault and #of['-'] + #of['+'] > 0 do\n"
             "    local now = redis.call('HGET', KEYS[1], field)\n"
             "    local sign = now and string.sub(now, 1, 1) == '-' and '+' or '-'\n"
             "    if #of[sign] == 0 then sign = sign == '-' and '+' or '-' end\n"
             "    add(field, table.remove(of[sign]))\n"
             "  end\n"
             "end\n"
             "if fault then\n"
             "  for field, was in pairs(old) do\n"
             "    if was then redis.call('HSET', KEYS[1], field, was)\n"
             "    else redis.call('HDEL', KEYS[1], field) end\n"
             "  end\n"
             "  return fault\n"
             "end\n"
             "local reply = {}\n"
             "for i = 2, #ARGV, 2 do table.insert(reply, redis.call('HGET', KEYS[1], ARGV[i])) "
             "end\n";

static void build_update(struct command *c, const struct call *call) {
    command_script(c, call, slice_of(update_script));
}

// Renders an array of digits as an array of integers.
static void render_numbers(struct answer *a, const struct event *e) {
    struct event number = *e;
    number.depth = 0;
    if (e->type == EVENT_ARRAY && e->depth == 0)
        reply_array(a->out, e->count);
    else if (e->type == EVENT_BULK && e->depth == 1)
        render_number(a, &number);
    else if (e->type != EVENT_END)
        answer_fail_unknown(a);
}

// Renders F n F n …, where every second element is a number.
static void render_items(struct answer *a, const struct event *e) {
    if (e->type == EVENT_ARRAY && e->count % 2 != 0)
        answer_fail_unknown(a);
    else if (e->type == EVENT_BULK && e->depth == 1 && e->index % 2 == 0)
        render_as_is(a, e);
    else
        render_numbers(a, e);
}

// A sum that goes round is counted and may come back, so the order of the fields does not matter.
static void render_total(struct answer *a, const struct event *e) {
    int64_t number;
    if (e->type == EVENT_END && a->wraps == 0)
        reply_integer(a->out, a->total);
    else if (e->type == EVENT_END)
        answer_fail(a, REPLY_ARGS, "the total is out of range");
    else if (e->depth > 1 || e->type != (e->depth == 0 ? EVENT_ARRAY : EVENT_BULK))
        answer_fail_unknown(a);
    else if (e->type == EVENT_BULK && (e->rest > 0 || !number_parse_int(e->text, &number)))
        answer_fail(a, REPLY_WRONGTYPE, "a stored value is not a number");
    else if (e->type == EVENT_BULK && __builtin_add_overflow(a->total, number, &a->total))
        a->wraps += number > 0 ? 1 : -1;
}

static void build_top(struct command *c, const struct call *call) {
    command_begin(c, SLICE("HGETALL"), 2);
    command_key(c, call, call->args[0]);
    bool is_number = number_parse_int(call->args[1], &c->limit);
    assert(is_number); // checked as ARG_COUNT
    (void)is_number;
}

enum { MOST_RANKED = 65536 }; // sorting more would hold up the loop

// One field of a counter, gathered for counter.top. Its name follows it in the buffer.
struct tally {
    int64_t number;
    size_t name_len;
};

// A field once all fields are gathered.
struct ranked {
    int64_t number;
    struct slice name;
};

static int compare_ranked(const void *left, const void *right) {
    const struct ranked *a = left, *b = right;
    if (a->number != b->number)
        return a->number < b->number ? 1 : -1;
    size_t shorter = a->name.len < b->name.len ? a->name.len : b->name.len;
    int order = memcmp(a->name.data, b->name.data, shorter);
    return order != 0 ? order : (a->name.len > b->name.len) - (a->name.len < b->name.len);
}

// Lets the field at `at` sink in a heap whose root ranks last.
static void sink(struct ranked *heap, size_t count, size_t at) {
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        child += child + 1 < count && compare_ranked(&heap[child + 1], &heap[child]) > 0;
        if (compare_ranked(&heap[at], &heap[child]) >= 0)
            return;
        struct ranked spare = heap[at];
        heap[at] = heap[child];
        heap[child] = spare;
    }
}

// Reads a gathered field. Returns where the next field begins.
static const char *take_ranked(const char *at, struct ranked *one) {
    struct tally tally;
    memcpy(&tally, at, sizeof(tally));
    *one = (struct ranked){tally.number, {at + sizeof(tally), tally.name_len}};
    return at + sizeof(tally) + tally.name_len;
}

// Returns the first `shown` of the gathered fields, sorted; their names point into the buffer. A
// heap of the best so far finds few of many in one pass: sorting millions would hold up the loop.
static struct ranked *rank_gathered(const struct bytes *gathered, size_t count, size_t shown) {
    struct ranked *ranked = mem_new((shown + 1) * sizeof(*ranked)), one;
    const char *at = gathered->data;
    for (size_t i = 0; i < shown; i++)
        at = take_ranked(at, &ranked[i]);
    for (size_t i = shown / 2; i-- > 0;)
        sink(ranked, shown, i);
    for (size_t i = shown; shown > 0 && i < count; i++) {
        at = take_ranked(at, &one);
        if (compare_ranked(&one, &ranked[0]) < 0) {
            ranked[0] = one;
            sink(ranked, shown, 0);
        }
    }
    qsort(ranked, shown, sizeof(*ranked), compare_ranked);
    return ranked;
}

static void reply_top(struct answer *a) {
    size_t count = (size_t)a->total, shown = count;
    if ((int64_t)shown > a->limit)
        shown = (size_t)a->limit;
    if (shown > MOST_RANKED) {
        answer_fail(a, REPLY_OVERLOADED, "too many fields to sort: ask for fewer");
        return;
    }
    struct ranked *ranked = rank_gathered(&a->gathered, count, shown);
    reply_array(a->out, 2 * shown);
    for (size_t i = 0; i < shown; i++) {
        reply_bulk(a->out, ranked[i].name);
        reply_integer(a->out, ranked[i].number);
    }
    mem_free(ranked);
}

// Gathers the fields (a->total counts them), then replies the largest.
static void render_top(struct answer *a, const struct event *e) {
    struct tally tally = {0};
    if (e->type == EVENT_END)
        reply_top(a);
    if (e->type == EVENT_END || (e->depth == 0 && e->type == EVENT_ARRAY && e->count % 2 == 0))
        return;
    if (e->type != EVENT_BULK || e->depth != 1) {
        answer_fail_unknown(a);
        return;
    }
    if (e->index % 2 == 0) {
        a->last = a->gathered.len;
        tally.name_len = e->text.len + e->rest;
        bytes_append(&a->gathered, &tally, sizeof(tally));
        answer_stream(a, &a->gathered, e->text, e->rest, SLICE(""));
        a->total++;
    } else if (e->rest == 0 && number_parse_int(e->text, &tally.number)) {
        memcpy(a->gathered.data + a->last, &tally.number, sizeof(tally.number));
    } else {
        answer_fail(a, REPLY_WRONGTYPE, "a stored value is not a number");
    }
}

const struct verb counter_verbs[] = {
    {
        .name = "counter.get",
        .flags = VERB_READ | VERB_NEAR,
        .syntax = "N K F",
        .summary = "the field's number, 0 when missing",
        .redis = REDIS("HGET"),
        .render = render_number,
        .miss = MISS_ZERO,
    },
    {
        .name = "counter.set",
        .flags = VERB_WRITE,
        .syntax = "[ttl=] N K F n",
        .summary = "sets the field's number",
        .redis = REDIS("HSET"),
        .render = render_ok,
    },
    {
        .name = "counter.incr",
        .flags = VERB_WRITE,
        .syntax = "[ttl=] N K F [n]",
        .summary = "adds n (1) to the field's number; replies the new one",
        .redis = REDIS("HINCRBY"),
        .render = render_integer,
    },
    {
        .name = "counter.update",
        .flags = VERB_WRITE,
        .syntax = "[ttl=] N K F n [F n ...]",
        .summary = "adds to all fields, or to none; replies the new numbers",
        .build = build_update,
        .render = render_numbers,
    },
    {
        .name = "counter.del",
        .flags = VERB_WRITE,
        .syntax = "N K F [F ...]",
        .summary = "removes fields; replies how many existed",
        .redis = REDIS("HDEL"),
        .render = render_integer,
    },
    {
        .name = "counter.len",
        .flags = VERB_READ | VERB_NEAR,
        .syntax = "N K",
        .summary = "how many fields",
        .redis = REDIS("HLEN"),
        .render = render_integer,
        .miss = MISS_ZERO,
    },
    {
        .name = "counter.total",
        .flags = VERB_READ | VERB_NEAR,
        .syntax = "N K",
        .summary = "the sum of all numbers",
        .redis = REDIS("HVALS"),
        .render = render_total,
        .miss = MISS_ZERO,
    },
    {
        .name = "counter.items",
        .flags = VERB_READ | VERB_NEAR | VERB_LONG,
        .syntax = "N K",
        .summary = "an array of F n F n ...",
        .redis = REDIS("HGETALL"),
        .render = render_items,
        .miss = MISS_EMPTY,
    },
    {
        .name = "counter.top",
        .flags = VERB_READ | VERB_NEAR | VERB_LONG,
        .syntax = "N K count",
        .summary = "the largest as F n F n ..., ties by field",
        .build = build_top,
        .render = render_top,
        .miss = MISS_EMPTY,
    },
    {0},
};
