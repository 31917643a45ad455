// Near source: the server whose changes void kept answers, as the near cache sees it.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { NEAR_FRESH_MS = 3000 };

struct near_source {
    uint64_t salt;  // for the hashes of its keys: by the backend's name, the same in all workers
    uint64_t epoch; // of its answers: an answer that was kept under another one is not found
    uint64_t proven_ms; // all changes until then have been heard of, while `is_live`
    bool is_live;       // it tells of changes
    bool has_all_keys;  // else a key that is missing may be created where nobody hears of it
};

// Returns whether kept answers from there may be served: each was right NEAR_FRESH_MS ago at most.
static inline bool near_source_is_live(const struct near_source *s, uint64_t now_ms) {
    return s->is_live && now_ms - s->proven_ms < NEAR_FRESH_MS;
}
