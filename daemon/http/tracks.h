// Tracks: what is remembered for each section of a kind, by its name, from one settings to the
// next.
#pragma once

#include <stddef.h>

// The beginning of what is remembered for one section.
struct track {
    char *name;
};

struct tracks {
    struct track **items; // in the order in which they were taken in last
    size_t count;
};

// Begins to take in sections in a new order: returns the former order, which is empty from then on.
struct tracks tracks_renew(struct tracks *all);
// Takes in the next section, with what `former` remembers of it. NULL: it is new, and the caller
// adds a track with tracks_add().
struct track *tracks_keep(struct tracks *all, struct tracks *former, const char *name);
// Adds a track of `size` bytes, all zero but its name, which is copied.
void *tracks_add(struct tracks *all, const char *name, size_t size);
// Forgets all.
void tracks_free(struct tracks *all);

// Returns what is remembered of a section. `guess` is where it most likely is. NULL: nothing.
struct track *tracks_find(const struct tracks *all, size_t guess, const char *name);
