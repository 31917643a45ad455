#include "client/request_line.h"

#include "protocol/mem.h"
#include "protocol/parser.h"

static bool refuse(struct bytes *error, const char *text) {
    bytes_printf(error, "%s", text);
    return false;
}

// A length of 0 alone would let a block pass for an empty word.
static bool has_block(const struct parser *p) {
    for (uint32_t i = 0; i < p->count; i++)
        if (p->words[i].is_block)
            return true;
    return false;
}

static bool take_words(struct request_line *r, struct parser *p, struct bytes *error) {
    enum parser_result result = parser_next(p, r->text.data, r->text.len);
    if (result == PARSER_ERROR)
        return refuse(error, p->error);
    if (result == PARSER_NOTHING)
        return true;
    if (has_block(p))
        return refuse(error,
                      "a word that begins with $ announces a block of bytes: here, quote it");
    r->words = mem_new(p->count * sizeof(*r->words));
    r->count = p->count;
    parser_words(p, r->text.data, r->words);
    return true;
}

bool request_line_read(struct request_line *r, struct slice line, struct bytes *error) {
    struct parser parser;
    *r = (struct request_line){0};
    if (line.len > 0 && *line.data == '*')
        return refuse(error, "no verb begins with *");
    if (line.len > 0 && memchr(line.data, '\n', line.len))
        return refuse(error, "a line's end within the line");
    bytes_append_slice(&r->text, line);
    bytes_append_literal(&r->text, "\n");
    parser_init(&parser, SIZE_MAX);
    bool is_good = take_words(r, &parser, error);
    parser_deinit(&parser);
    return is_good;
}

void request_line_deinit(struct request_line *r) {
    mem_free(r->words);
    bytes_deinit(&r->text);
    *r = (struct request_line){0};
}
