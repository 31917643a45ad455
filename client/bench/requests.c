#include "client/bench/requests.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char key_mark[] = "{key}", value_mark[] = "{value}";

// One request while it is put together. Its memory is never short: it is the machine's problem.
struct draft {
    FILE *out;
    char *bytes;
    size_t len;
    struct requests *requests;
    const struct requests_options *options;
};

static void put_value(struct draft *d) {
    for (size_t i = 0; i < d->options->value_bytes; i++)
        putc('a' + (int)(i % 26), d->out);
}

static void put_key(struct draft *d) {
    struct requests *r = d->requests;
    r->key_at = realloc(r->key_at, (r->key_count + 1) * sizeof *r->key_at);
    if (!r->key_at)
        abort();
    r->key_at[r->key_count++] = (size_t)ftello(d->out);
    fprintf(d->out, "%0*d", REQUESTS_KEY_DIGITS, 0);
}

static size_t word_length(const struct draft *d, const char *word) {
    size_t len = strlen(word);
    for (const char *p = word; (p = strstr(p, key_mark)); p++)
        len += REQUESTS_KEY_DIGITS - strlen(key_mark);
    for (const char *p = word; (p = strstr(p, value_mark)); p++)
        len += d->options->value_bytes - strlen(value_mark);
    return len;
}

static void put_word(struct draft *d, const char *word) {
    while (*word) {
        if (strncmp(word, key_mark, strlen(key_mark)) == 0) {
            put_key(d);
            word += strlen(key_mark);
        } else if (strncmp(word, value_mark, strlen(value_mark)) == 0) {
            put_value(d);
            word += strlen(value_mark);
        } else {
            putc(*word++, d->out);
        }
    }
}

static void put_array(struct draft *d, const char *const *words, int count) {
    fprintf(d->out, "*%d\r\n", count);
    for (int i = 0; i < count; i++) {
        fprintf(d->out, "$%zu\r\n", word_length(d, words[i]));
        put_word(d, words[i]);
        fputs("\r\n", d->out);
    }
}

// A word with the value in it is sent as a block, any other as it stands.
static void put_line(struct draft *d, const char *const *words, int count) {
    for (int i = 0; i < count; i++) {
        if (i > 0)
            putc(' ', d->out);
        if (strstr(words[i], value_mark))
            fprintf(d->out, "$%zu", word_length(d, words[i]));
        else
            put_word(d, words[i]);
    }
    putc('\n', d->out);
    for (int i = 0; i < count; i++) {
        if (strstr(words[i], value_mark)) {
            put_word(d, words[i]);
            putc('\n', d->out);
        }
    }
}

static void put_commands(struct draft *d) {
    const struct requests_options *o = d->options;
    for (int first = 0, end; first < o->word_count; first = end + 1) {
        for (end = first; end < o->word_count && strcmp(o->words[end], ";") != 0;)
            end++;
        (o->is_line_form ? put_line : put_array)(d, o->words + first, end - first);
        d->requests->commands++;
    }
}

size_t requests_init(struct requests *r, const struct requests_options *o, size_t batches_most,
                     size_t bytes_most) {
    *r = (struct requests){
        .keys = o->keys,
        .is_sequential = o->is_sequential,
        .state = o->is_sequential ? 0 : o->seed * 2 + 1, // xorshift must not begin with 0
    };
    struct draft d = {.requests = r, .options = o};
    d.out = open_memstream(&d.bytes, &d.len);
    if (!d.out)
        abort();
    put_commands(&d);
    if (fclose(d.out) != 0)
        abort();
    r->len = d.len;
    r->batch_len = r->len * o->depth;
    size_t batches = bytes_most / r->batch_len;
    batches = batches < 1 ? 1 : batches > batches_most ? batches_most : batches;
    r->batches = malloc(r->batch_len * batches);
    if (!r->batches)
        abort();
    for (size_t i = 0; i < batches * o->depth; i++)
        memcpy(r->batches + i * r->len, d.bytes, r->len);
    free(d.bytes);
    return batches;
}

void requests_deinit(struct requests *r) {
    free(r->batches);
    free(r->key_at);
}

// George Marsaglia, "Xorshift RNGs" (2003), the triple 13, 7, 17.
static uint64_t next_key(struct requests *r) {
    if (r->is_sequential)
        return r->state++ % r->keys;
    r->state ^= r->state << 13;
    r->state ^= r->state >> 7;
    r->state ^= r->state << 17;
    return r->state % r->keys;
}

static void write_digits(char *to, uint64_t number) {
    for (int i = REQUESTS_KEY_DIGITS; i-- > 0; number /= 10)
        to[i] = (char)('0' + number % 10);
}

char *requests_batch(struct requests *r, size_t at, unsigned count) {
    char *batch = r->batches + at * r->batch_len;
    for (unsigned i = 0; i < count; i++)
        for (unsigned k = 0; k < r->key_count; k++)
            write_digits(batch + i * r->len + r->key_at[k], next_key(r));
    return batch;
}
