#include "daemon/redis/script_store.h"

#include <assert.h>
#include <openssl/evp.h>
#include <uv.h>

#include "protocol/mem.h"
#include "protocol/number.h"

enum { BUCKETS = 4096, SCRIPT_COST = sizeof(struct script) };

struct script_store {
    uv_mutex_t lock;
    struct script *buckets[BUCKETS];
    struct script *newest, *oldest;
    size_t bytes, most;
};

// --- SHA-1 ------------------------------------------------------------------------------------

void script_sha(uint8_t sha[SCRIPT_SHA_SIZE], struct slice text) {
    if (!EVP_Digest(text.len > 0 ? text.data : "", text.len, sha, NULL, EVP_sha1(), NULL))
        mem_out();
}

void script_sha_write(char hex[SCRIPT_HEX_SIZE], const uint8_t sha[SCRIPT_SHA_SIZE]) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < SCRIPT_SHA_SIZE; i++) {
        hex[2 * i] = digits[sha[i] >> 4];
        hex[2 * i + 1] = digits[sha[i] & 15];
    }
}

bool script_sha_read(uint8_t sha[SCRIPT_SHA_SIZE], struct slice word) {
    if (word.len != SCRIPT_HEX_SIZE)
        return false;
    for (size_t i = 0; i < SCRIPT_SHA_SIZE; i++) {
        int high = number_hex_digit(word.data[2 * i]), low = number_hex_digit(word.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        sha[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

// --- the table, under the lock ----------------------------------------------------------------

static struct script **bucket_of(struct script_store *store, const uint8_t *sha) {
    return &store->buckets[(sha[0] | sha[1] << 8) % BUCKETS];
}

static void unlink_use(struct script_store *store, struct script *s) {
    *(s->newer ? &s->newer->older : &store->newest) = s->older;
    *(s->older ? &s->older->newer : &store->oldest) = s->newer;
}

static void link_newest(struct script_store *store, struct script *s) {
    s->newer = NULL;
    s->older = store->newest;
    *(store->newest ? &store->newest->newer : &store->oldest) = s;
    store->newest = s;
}

// Returns the script, which becomes the one that was used last, with another reference.
static struct script *find(struct script_store *store, const uint8_t *sha) {
    struct script *s = *bucket_of(store, sha);
    while (s && memcmp(s->sha, sha, SCRIPT_SHA_SIZE) != 0)
        s = s->next;
    if (!s)
        return NULL;
    unlink_use(store, s);
    link_newest(store, s);
    s->refs++;
    return s;
}

static void unref(struct script *s) {
    if (--s->refs == 0)
        mem_free(s);
}

static void drop_oldest(struct script_store *store) {
    struct script *s = store->oldest, **at = bucket_of(store, s->sha);
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    unlink_use(store, s);
    store->bytes -= s->text.len + SCRIPT_COST;
    unref(s);
}

static void keep(struct script_store *store, struct script *s) {
    struct script **bucket = bucket_of(store, s->sha);
    size_t cost = s->text.len + SCRIPT_COST;
    if (cost > store->most)
        return;
    while (store->bytes + cost > store->most)
        drop_oldest(store);
    store->bytes += cost;
    s->refs++;
    s->next = *bucket;
    *bucket = s;
    link_newest(store, s);
}

// --- all --------------------------------------------------------------------------------------

struct script_store *script_store_new(size_t most) {
    struct script_store *store = mem_new(sizeof(*store));
    store->most = most;
    uv_mutex_init(&store->lock);
    return store;
}

void script_store_free(struct script_store *store) {
    while (store->oldest) {
        assert(store->oldest->refs == 1);
        drop_oldest(store);
    }
    uv_mutex_destroy(&store->lock);
    mem_free(store);
}

static struct script *new_script(const uint8_t *sha, struct slice text) {
    struct script *s = mem_new(sizeof(*s) + text.len + 1);
    char *copy = (char *)(s + 1);
    memcpy(s->sha, sha, SCRIPT_SHA_SIZE);
    if (text.len > 0)
        memcpy(copy, text.data, text.len);
    s->text = (struct slice){copy, text.len};
    s->refs = 1;
    return s;
}

struct script *script_store_add(struct script_store *store, struct slice text) {
    uint8_t sha[SCRIPT_SHA_SIZE];
    script_sha(sha, text);
    uv_mutex_lock(&store->lock);
    struct script *s = find(store, sha);
    if (!s) {
        s = new_script(sha, text);
        keep(store, s);
    }
    uv_mutex_unlock(&store->lock);
    return s;
}

struct script *script_store_find(struct script_store *store, const uint8_t sha[SCRIPT_SHA_SIZE]) {
    uv_mutex_lock(&store->lock);
    struct script *s = find(store, sha);
    uv_mutex_unlock(&store->lock);
    return s;
}

void script_store_release(struct script_store *store, struct script *script) {
    uv_mutex_lock(&store->lock);
    unref(script);
    uv_mutex_unlock(&store->lock);
}

size_t script_store_bytes(struct script_store *store) {
    uv_mutex_lock(&store->lock);
    size_t bytes = store->bytes;
    uv_mutex_unlock(&store->lock);
    return bytes;
}
