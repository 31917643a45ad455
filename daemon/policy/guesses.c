#include "daemon/policy/guesses.h"

#include <uv.h>

#include "protocol/hash.h"
#include "protocol/mem.h"

enum {
    SETS = 512,
    WAYS = 8,
    FREE = 5, // wrong tokens before the next token has to wait
    FIRST_WAIT_MS = 250,
    LONGEST_WAIT_MS = 8000,
    FORGET_MS = 60 * 1000, // without a wrong token
};

struct guess {
    uint64_t hash; // of peer and name; 0: a free place
    uint64_t last_ms;
    uint64_t next_ms; // when the next token may be looked at
    unsigned wrong;   // in a row
};

struct guesses {
    uv_mutex_t lock;
    uint64_t seed; // of the hashes: random, because clients choose the names
    struct guess sets[SETS][WAYS];
};

struct guesses *guesses_new(void) {
    struct guesses *g = mem_new(sizeof(*g));
    uv_mutex_init(&g->lock);
    uv_random(NULL, NULL, &g->seed, sizeof(g->seed), 0, NULL);
    return g;
}

void guesses_free(struct guesses *g) {
    uv_mutex_destroy(&g->lock);
    mem_free(g);
}

static uint64_t hash_of(const struct guesses *g, struct slice peer, struct slice name) {
    return hash_slice(name, hash_slice(peer, g->seed)) | 1;
}

static bool is_past(const struct guess *at, uint64_t now_ms) {
    return at->hash == 0 || now_ms >= at->last_ms + FORGET_MS;
}

static struct guess *find(struct guesses *g, uint64_t hash, uint64_t now_ms) {
    struct guess *set = g->sets[hash / 2 % SETS];
    for (size_t i = 0; i < WAYS; i++)
        if (set[i].hash == hash && !is_past(&set[i], now_ms))
            return &set[i];
    return NULL;
}

// In a full set the entry with the fewest wrong tokens makes room: so guessing under many names
// does not drive out the entry of a name that was guessed often.
static struct guess *add(struct guesses *g, uint64_t hash, uint64_t now_ms) {
    struct guess *set = g->sets[hash / 2 % SETS], *place = set;
    for (size_t i = 0; i < WAYS && !is_past(place, now_ms); i++)
        if (is_past(&set[i], now_ms) || set[i].wrong < place->wrong)
            place = &set[i];
    *place = (struct guess){.hash = hash, .last_ms = now_ms};
    return place;
}

static uint64_t pause_of(unsigned wrong) {
    unsigned doubled = wrong - FREE;
    return doubled < 5 ? (uint64_t)FIRST_WAIT_MS << doubled : LONGEST_WAIT_MS;
}

int64_t guesses_wait_ms(struct guesses *g, struct slice peer, struct slice name, uint64_t now_ms) {
    int64_t wait = 0;
    uv_mutex_lock(&g->lock);
    struct guess *at = find(g, hash_of(g, peer, name), now_ms);
    if (at && at->wrong >= FREE) {
        uint64_t turn = at->next_ms > now_ms ? at->next_ms : now_ms;
        wait = turn - now_ms > LONGEST_WAIT_MS ? GUESS_REFUSED : (int64_t)(turn - now_ms);
        if (wait != GUESS_REFUSED)
            at->next_ms = turn + pause_of(at->wrong);
    }
    uv_mutex_unlock(&g->lock);
    return wait;
}

void guesses_note(struct guesses *g, struct slice peer, struct slice name, bool is_right,
                  uint64_t now_ms) {
    uint64_t hash = hash_of(g, peer, name);
    uv_mutex_lock(&g->lock);
    struct guess *at = find(g, hash, now_ms);
    if (is_right && at) {
        *at = (struct guess){0};
    } else if (!is_right) {
        at = at ? at : add(g, hash, now_ms);
        at->wrong++;
        at->last_ms = now_ms;
        if (at->wrong >= FREE && at->next_ms < now_ms + pause_of(at->wrong))
            at->next_ms = now_ms + pause_of(at->wrong);
    }
    uv_mutex_unlock(&g->lock);
}
