#include "protocol/hash_slot.h"

// CRC16 as XMODEM has it: the polynomial x^16 + x^12 + x^5 + 1, beginning with 0. A bit that leaves
// at the top comes back at the places 12, 5 and 0. Eight bits leave at once here; of those that
// come back, the ones at place 12 leave again four steps later, which is the shift by 4.
static uint16_t crc16(uint16_t crc, struct slice s) {
    for (size_t i = 0; i < s.len; i++) {
        unsigned x = (unsigned)crc >> 8 ^ (unsigned char)s.data[i];
        x ^= x >> 4;
        crc = (uint16_t)((unsigned)crc << 8 ^ x << 12 ^ x << 5 ^ x);
    }
    return crc;
}

static const char *find(struct slice s, char c) {
    return s.len > 0 ? memchr(s.data, c, s.len) : NULL;
}

static struct slice behind(struct slice s, const char *at) {
    return (struct slice){at + 1, s.len - (size_t)(at + 1 - s.data)};
}

// Narrows the two parts of a key to its tag, if it has one.
static void narrow_to_tag(struct slice *prefix, struct slice *key) {
    struct slice first = *prefix, second = *key;
    const char *open = find(first, '{');
    if (open) {
        first = behind(first, open);
    } else if ((open = find(second, '{'))) {
        first.len = 0;
        second = behind(second, open);
    } else {
        return;
    }
    const char *close = find(first, '}');
    if (close) {
        first.len = (size_t)(close - first.data);
        second.len = 0;
    } else if ((close = find(second, '}'))) {
        second.len = (size_t)(close - second.data);
    } else {
        return;
    }
    if (first.len + second.len == 0)
        return;
    *prefix = first;
    *key = second;
}

uint16_t hash_slot(struct slice prefix, struct slice key) {
    narrow_to_tag(&prefix, &key);
    return crc16(crc16(0, prefix), key) % HASH_SLOTS;
}

bool hash_slot_is_of_prefix(struct slice prefix) {
    struct slice tag = prefix, none = {0};
    narrow_to_tag(&tag, &none);
    return tag.len < prefix.len;
}
