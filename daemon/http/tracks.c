#include "daemon/http/tracks.h"

#include <string.h>

#include "protocol/mem.h"

static void push(struct tracks *all, struct track *track) {
    all->items = mem_grow(all->items, all->count, sizeof(*all->items));
    all->items[all->count++] = track;
}

static size_t place_of(const struct tracks *all, size_t guess, const char *name) {
    if (guess < all->count && all->items[guess] && strcmp(all->items[guess]->name, name) == 0)
        return guess;
    for (size_t i = 0; i < all->count; i++)
        if (all->items[i] && strcmp(all->items[i]->name, name) == 0)
            return i;
    return all->count;
}

struct track *tracks_find(const struct tracks *all, size_t guess, const char *name) {
    size_t at = place_of(all, guess, name);
    return at < all->count ? all->items[at] : NULL;
}

struct tracks tracks_renew(struct tracks *all) {
    struct tracks former = *all;
    *all = (struct tracks){0};
    return former;
}

struct track *tracks_keep(struct tracks *all, struct tracks *former, const char *name) {
    size_t at = place_of(former, all->count, name);
    if (at == former->count)
        return NULL;
    struct track *track = former->items[at];
    former->items[at] = NULL;
    push(all, track);
    return track;
}

void *tracks_add(struct tracks *all, const char *name, size_t size) {
    struct track *track = mem_new(size);
    track->name = mem_text(name);
    push(all, track);
    return track;
}

void tracks_free(struct tracks *all) {
    for (size_t i = 0; i < all->count; i++) {
        if (all->items[i])
            mem_free(all->items[i]->name);
        mem_free(all->items[i]);
    }
    mem_free(all->items);
    *all = (struct tracks){0};
}
