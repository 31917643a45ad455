#include "client/record.h"

#include <sodium.h>
#include <yajl/yajl_parse.h>

#include "protocol/mem.h"
#include "protocol/number.h"

// The line's JSON is a list of tokens first, and is understood when all of it is there: "type" says
// what "value" is, and may come after it.
enum token_kind {
    TOKEN_TEXT,
    TOKEN_NUMBER,
    TOKEN_TRUE,
    TOKEN_OTHER, // false, null
    TOKEN_NAME,  // of a member of an object
    TOKEN_OPEN_OBJECT,
    TOKEN_OPEN_ARRAY,
    TOKEN_CLOSE,
};

struct token {
    enum token_kind kind;
    size_t at, len; // of its text
};

struct record_reader {
    struct bytes text; // of all tokens
    struct token *tokens;
    size_t count, next;
    struct bytes decoded; // of base64; its room is made before, so that it never moves
    struct record record;
    const char *error;
};

// --- tokens -----------------------------------------------------------------------------------

static int add(struct record_reader *r, enum token_kind kind, const void *text, size_t len) {
    r->tokens = mem_grow(r->tokens, r->count, sizeof(*r->tokens));
    r->tokens[r->count++] = (struct token){kind, r->text.len, len};
    if (len > 0)
        bytes_append(&r->text, text, len);
    return 1;
}

static int on_null(void *r) { return add(r, TOKEN_OTHER, NULL, 0); }
static int on_boolean(void *r, int is_true) {
    return add(r, is_true ? TOKEN_TRUE : TOKEN_OTHER, NULL, 0);
}
static int on_number(void *r, const char *text, size_t len) {
    return add(r, TOKEN_NUMBER, text, len);
}
static int on_text(void *r, const unsigned char *text, size_t len) {
    return add(r, TOKEN_TEXT, text, len);
}
static int on_name(void *r, const unsigned char *text, size_t len) {
    return add(r, TOKEN_NAME, text, len);
}
static int on_object(void *r) { return add(r, TOKEN_OPEN_OBJECT, NULL, 0); }
static int on_array(void *r) { return add(r, TOKEN_OPEN_ARRAY, NULL, 0); }
static int on_close(void *r) { return add(r, TOKEN_CLOSE, NULL, 0); }

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_text,
    .yajl_start_map = on_object,
    .yajl_map_key = on_name,
    .yajl_end_map = on_close,
    .yajl_start_array = on_array,
    .yajl_end_array = on_close,
};

static bool tokenize(struct record_reader *r, struct slice line) {
    yajl_handle parser = yajl_alloc(&callbacks, NULL, r);
    if (!parser)
        mem_out();
    r->text.len = r->count = r->next = 0;
    bool is_good =
        yajl_parse(parser, (const unsigned char *)line.data, line.len) == yajl_status_ok &&
        yajl_complete_parse(parser) == yajl_status_ok;
    yajl_free(parser);
    add(r, TOKEN_CLOSE, NULL, 0); // so that there is always a next one
    return is_good;
}

static const struct token *peek(const struct record_reader *r) { return &r->tokens[r->next]; }

static bool take(struct record_reader *r, enum token_kind kind) {
    bool is_there = peek(r)->kind == kind;
    r->next += is_there;
    return is_there;
}

static struct slice text_of(const struct record_reader *r, const struct token *token) {
    return (struct slice){token->len > 0 ? r->text.data + token->at : "", token->len};
}

static bool fail(struct record_reader *r, const char *error) {
    r->error = error;
    return false;
}

static void skip_value(struct record_reader *r) {
    size_t depth = 0;
    do {
        enum token_kind kind = r->tokens[r->next++].kind;
        depth += kind == TOKEN_OPEN_OBJECT || kind == TOKEN_OPEN_ARRAY;
        depth -= kind == TOKEN_CLOSE;
    } while (depth > 0);
}

// --- texts and values -------------------------------------------------------------------------

static bool decode(struct record_reader *r, struct slice text, struct slice *word) {
    char *to = r->decoded.data + r->decoded.len;
    size_t len;
    if (sodium_base642bin((unsigned char *)to, text.len, text.data, text.len, NULL, &len, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0)
        return fail(r, "what \"base64\" holds is no base64");
    r->decoded.len += len;
    *word = (struct slice){to, len};
    return true;
}

#define NO_TEXT "a text, a number or {\"base64\": …} belongs where something else stands"

static bool read_text(struct record_reader *r, struct slice *word) {
    const struct token *token = peek(r);
    if (take(r, TOKEN_TEXT) || take(r, TOKEN_NUMBER)) {
        *word = text_of(r, token);
        return true;
    }
    if (!take(r, TOKEN_OPEN_OBJECT) || !slice_equal(text_of(r, peek(r)), SLICE("base64")) ||
        !take(r, TOKEN_NAME))
        return fail(r, NO_TEXT);
    token = peek(r);
    if (!take(r, TOKEN_TEXT) || !take(r, TOKEN_CLOSE))
        return fail(r, NO_TEXT);
    return decode(r, text_of(r, token), word);
}

static bool add_word(struct record_reader *r) {
    struct record *record = &r->record;
    record->words = mem_grow(record->words, record->count, sizeof(*record->words));
    return read_text(r, &record->words[record->count++]);
}

static bool read_object(struct record_reader *r) {
    struct record *record = &r->record;
    while (!take(r, TOKEN_CLOSE)) {
        record->words = mem_grow(record->words, record->count, sizeof(*record->words));
        record->words[record->count++] = text_of(r, peek(r));
        r->next++;
        if (!add_word(r))
            return false;
    }
    return true;
}

static bool read_pair(struct record_reader *r) {
    if (!take(r, TOKEN_OPEN_ARRAY) || !add_word(r) || !add_word(r) || !take(r, TOKEN_CLOSE))
        return fail(r, "a pair [name, value] belongs where something else stands");
    return true;
}

// The verbs take a member's score before the member.
static void turn_pairs(struct record *record) {
    for (size_t i = 0; i + 1 < record->count; i += 2) {
        struct slice member = record->words[i];
        record->words[i] = record->words[i + 1];
        record->words[i + 1] = member;
    }
}

static bool read_array(struct record_reader *r, bool (*read_item)(struct record_reader *)) {
    while (!take(r, TOKEN_CLOSE))
        if (!read_item(r))
            return false;
    return true;
}

static bool read_value(struct record_reader *r) {
    bool is_dict = r->record.type == EXPORT_DICT || r->record.type == EXPORT_COUNTER;
    r->record.count = 0;
    if (r->record.type == EXPORT_KEY || r->record.type == EXPORT_MEMO)
        return add_word(r);
    if (is_dict && take(r, TOKEN_OPEN_OBJECT))
        return read_object(r);
    if (!take(r, TOKEN_OPEN_ARRAY))
        return fail(r, is_dict ? "\"value\" of a dict or counter is an object, or an array of pairs"
                               : "\"value\" of a set or sorted set is an array");
    if (r->record.type == EXPORT_SET)
        return read_array(r, add_word);
    if (!read_array(r, read_pair))
        return false;
    if (r->record.type == EXPORT_SORTED)
        turn_pairs(&r->record);
    return true;
}

// --- members of the line ----------------------------------------------------------------------

static bool read_type(struct record_reader *r, const struct token *token) {
    struct slice name = text_of(r, token);
    for (enum export_type type = EXPORT_KEY; type < EXPORT_NONE; type++)
        if (slice_equal(name, slice_of(export_type_name(type)))) {
            r->record.type = type;
            return true;
        }
    return fail(r, "\"type\" is key, dict, set, sorted, counter or memo");
}

static bool read_pttl(struct record_reader *r, const struct token *token) {
    r->record.has_pttl = true;
    if (token->kind == TOKEN_NUMBER && number_parse_int(text_of(r, token), &r->record.pttl) &&
        (r->record.pttl > 0 || r->record.pttl == -1))
        return true;
    return fail(r,
                "\"pttl\" is a number of milliseconds above 0, or -1 for a key that never expires");
}

// Finds the member, and makes its value the next token. Returns false when it is not there.
static bool find(struct record_reader *r, struct slice name) {
    r->next = 1;
    while (peek(r)->kind == TOKEN_NAME) {
        bool is_found = slice_equal(text_of(r, peek(r)), name);
        r->next++;
        if (is_found)
            return true;
        skip_value(r);
    }
    return false;
}

#define A_LINE "a line is an object, as {\"key\": …, \"type\": …, \"value\": …}"

static bool understand(struct record_reader *r) {
    if (r->tokens[0].kind != TOKEN_OPEN_OBJECT)
        return fail(r, A_LINE);
    if (!find(r, SLICE("key")))
        return fail(r, "it has no \"key\"");
    if (!read_text(r, &r->record.key))
        return false;
    if (!find(r, SLICE("type")))
        return fail(r, "it has no \"type\"");
    if (!read_type(r, peek(r)))
        return false;
    if (find(r, SLICE("pttl")) && !read_pttl(r, peek(r)))
        return false;
    r->record.is_more = find(r, SLICE("more")) && peek(r)->kind == TOKEN_TRUE;
    if (!find(r, SLICE("value")))
        return fail(r, "it has no \"value\"");
    return read_value(r);
}

struct record_reader *record_reader_new(void) {
    return mem_new(sizeof(struct record_reader));
}

void record_reader_free(struct record_reader *r) {
    bytes_deinit(&r->text);
    bytes_deinit(&r->decoded);
    mem_free(r->tokens);
    mem_free(r->record.words);
    mem_free(r);
}

const struct record *record_read(struct record_reader *r, struct slice line, const char **error) {
    struct slice *words = r->record.words;
    r->record = (struct record){.words = words};
    r->error = NULL;
    r->decoded.len = 0;
    bytes_reserve(&r->decoded, line.len);
    if (!tokenize(r, line))
        r->error = "it is no JSON: " A_LINE;
    else
        understand(r);
    *error = r->error;
    return r->error ? NULL : &r->record;
}
