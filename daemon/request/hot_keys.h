// Hot keys: which keys are asked for most, of a stream of samples, in bounded memory.
//
// Space-Saving (Metwally, Agrawal, El Abbadi: Efficient Computation of Frequent and Top-k Elements
// in Data Streams, ICDT 2005): a key that has no slot takes that of the rarest, and its count with
// it as a possible error. So no count is too low, and a key with more than 1/64 of all samples has
// a slot. Summaries are merged as in Agarwal and others, Mergeable Summaries, PODS 2012.
#pragma once

#include "protocol/bytes.h"

enum { HOT_KEYS_SLOTS = 64, HOT_KEY_LONGEST = 64, HOT_NAME_LONGEST = 64 };

struct hot_key {
    uint64_t count; // samples: at most that many, and at least `error` less
    uint64_t error;
    uint64_t hash; // of the whole key
    size_t key_len, name_len;
    char key[HOT_KEY_LONGEST];   // the beginning
    char name[HOT_NAME_LONGEST]; // of the namespace
};

struct hot_keys {
    size_t count;
    struct hot_key slots[HOT_KEYS_SLOTS];
};

// Takes a sample: the key, without its prefix, in the namespace of that name.
void hot_keys_add(struct hot_keys *h, struct slice name, struct slice key);

struct hot_list {
    struct hot_key *items;
    size_t count;
    uint64_t floor; // as many samples may be missing of a key that has no item
};

// Merges a summary into the list, which is all zero at first.
void hot_list_merge(struct hot_list *list, const struct hot_keys *h);

// Puts the items with the largest counts first.
void hot_list_sort(struct hot_list *list);
void hot_list_deinit(struct hot_list *list);
