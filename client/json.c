#include "client/json.h"

#include <sodium.h>
#include <unistr.h>

#include "protocol/mem.h"

// Returns how many bytes of UTF-8 are a control letter that yajl writes as it is: DEL, or one of
// C1, which terminals obey. These stand in strings only. yajl prints no part of a letter.
static size_t control_len(const unsigned char *at, size_t len) {
    if (*at == 0x7f)
        return 1;
    return len > 1 && at[0] == 0xc2 && at[1] < 0xa0 ? 2 : 0;
}

static void print(void *to, const char *text, size_t len) {
    FILE *out = to;
    const unsigned char *bytes = (const unsigned char *)text;
    for (size_t at = 0, begin = 0; at <= len; at++) {
        size_t letter = at < len ? control_len(bytes + at, len - at) : 0;
        if (letter == 0 && at < len)
            continue;
        fwrite(text + begin, 1, at - begin, out);
        if (letter > 0)
            fprintf(out, "\\u%04x", bytes[at + letter - 1]);
        begin = at + letter;
        at += letter > 1;
    }
}

static void *get_memory(void *context, size_t size) {
    (void)context;
    return mem_new(size);
}

static void *resize_memory(void *context, void *memory, size_t size) {
    (void)context;
    return mem_resize(memory, size);
}

static void free_memory(void *context, void *memory) {
    (void)context;
    mem_free(memory);
}

yajl_gen json_to(FILE *out) {
    static yajl_alloc_funcs allocator = {get_memory, resize_memory, free_memory, NULL};
    yajl_gen json = yajl_gen_alloc(&allocator);
    yajl_gen_config(json, yajl_gen_print_callback, print, out);
    return json;
}

bool json_is_text(struct slice text) {
    return text.len == 0 || !u8_check((const uint8_t *)text.data, text.len);
}

static size_t count_digits(struct slice text, size_t from) {
    size_t at = from;
    while (at < text.len && text.data[at] >= '0' && text.data[at] <= '9')
        at++;
    return at - from;
}

bool json_is_number(struct slice text) {
    size_t at = text.len > 0 && *text.data == '-', digits = count_digits(text, at);
    if (digits == 0 || (digits > 1 && text.data[at] == '0'))
        return false;
    at += digits;
    if (at < text.len && text.data[at] == '.') {
        digits = count_digits(text, at + 1);
        at += 1 + digits;
    }
    if (digits > 0 && at < text.len && (text.data[at] == 'e' || text.data[at] == 'E')) {
        at++;
        at += at < text.len && (text.data[at] == '+' || text.data[at] == '-');
        digits = count_digits(text, at);
        at += digits;
    }
    return digits > 0 && at == text.len;
}

void json_name(yajl_gen json, struct slice name) {
    yajl_gen_string(json, (const unsigned char *)name.data, name.len);
}

void json_number(yajl_gen json, struct slice digits) {
    yajl_gen_number(json, digits.data, digits.len);
}

void json_text(yajl_gen json, struct slice text) {
    if (json_is_text(text)) {
        yajl_gen_string(json, (const unsigned char *)(text.len > 0 ? text.data : ""), text.len);
        return;
    }
    size_t size = sodium_base64_encoded_len(text.len, sodium_base64_VARIANT_ORIGINAL);
    char *encoded = mem_new(size);
    sodium_bin2base64(encoded, size, (const unsigned char *)text.data, text.len,
                      sodium_base64_VARIANT_ORIGINAL);
    yajl_gen_map_open(json);
    json_name(json, SLICE("base64"));
    json_name(json, slice_of(encoded));
    yajl_gen_map_close(json);
    mem_free(encoded);
}
