// The request parser: whole and in pieces, the same bytes give the same requests.
//
// Input: one byte for max_request ('s' 64 bytes, 'm' 4 KiB, else 16 MiB), two for the pieces (see
// next_piece()), then the stream.
#include "fuzz.h"
#include "protocol/parser.h"

// All that a stream gives, as text: equal texts, equal requests.
struct transcript {
    struct bytes text;
    bool is_over; // the parser can't read any further
};

static struct bytes whole_text, pieces_text; // kept: no allocation per run
static struct slice *words;
static size_t words_cap;

static void note_request(struct transcript *t, const struct parser *p, const char *data) {
    if (p->count > words_cap) {
        words_cap = p->count * 2;
        words = realloc(words, words_cap * sizeof(*words));
    }
    EXPECT(p->count >= 1);
    parser_words(p, data, words);
    bytes_append(&t->text, &p->count, sizeof(p->count));
    for (size_t i = 0; i < p->count; i++) {
        EXPECT(words[i].data >= data && words[i].data + words[i].len <= data + p->consumed);
        bytes_append(&t->text, &words[i].len, sizeof(words[i].len));
        bytes_append_slice(&t->text, words[i]);
    }
}

// Reads all the requests that `data` begins with; returns how many bytes they were.
static size_t read_requests(struct transcript *t, struct parser *p, char *data, size_t len) {
    size_t used = 0;
    while (!t->is_over) {
        enum parser_result result = parser_next(p, data + used, len - used);
        if (result == PARSER_MORE) {
            EXPECT(parser_needs(p) <= p->max_request + 1);
            return used;
        }
        bytes_append(&t->text, &result, sizeof(result));
        if (result == PARSER_ERROR) {
            bytes_append_slice(&t->text, slice_of(p->error));
            t->is_over = true;
            return len;
        }
        EXPECT(p->consumed > 0 && p->consumed <= len - used);
        if (result == PARSER_REQUEST)
            note_request(t, p, data + used);
        used += p->consumed;
    }
    return len;
}

static void read_whole(struct transcript *t, struct slice stream, size_t max_request) {
    struct parser p;
    char *data = copy_exactly(stream.data, stream.len);
    parser_init(&p, max_request);
    read_requests(t, &p, data, stream.len);
    parser_deinit(&p);
    free(data);
}

// What is not used moves to the front of a fresh block, as in a client's buffer.
static void read_in_pieces(struct transcript *t, struct slice stream, size_t max_request,
                           struct pieces pieces) {
    struct parser p;
    char *data = NULL;
    size_t len = 0;
    parser_init(&p, max_request);
    while (stream.len > 0 && !t->is_over) {
        size_t more = next_piece(&pieces, stream.len);
        data = realloc(data, len + more);
        EXPECT(data);
        memcpy(data + len, stream.data, more);
        len += more;
        stream = (struct slice){stream.data + more, stream.len - more};
        size_t used = read_requests(t, &p, data, len);
        len -= used;
        memmove(data, data + used, len);
    }
    parser_deinit(&p);
    free(data);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size) {
    struct slice stream = {(const char *)input, size};
    unsigned char limit = take_byte(&stream);
    size_t max_request = limit == 's' ? 64 : limit == 'm' ? 4096 : 16 * 1024 * 1024;
    struct pieces pieces = take_pieces(&stream);
    struct transcript whole = {.text = whole_text}, split = {.text = pieces_text};
    whole.text.len = split.text.len = 0;
    read_whole(&whole, stream, max_request);
    read_in_pieces(&split, stream, max_request, pieces);
    EXPECT(whole.is_over == split.is_over);
    EXPECT(slice_equal(bytes_slice(&whole.text), bytes_slice(&split.text)));
    whole_text = whole.text;
    pieces_text = split.text;
    return 0;
}
