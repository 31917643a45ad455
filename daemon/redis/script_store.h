// Script store: the texts of clients' scripts by their SHA-1, as EVALSHA names them.
//
// One store is shared by all workers, and outlives connections to Redis: a client that loads its
// scripts once, when it starts, can rely on them for as long as the daemon runs. The scripts that
// were not used for the longest time are dropped when the texts take too much memory; their clients
// are told NOSCRIPT, and load them again. A script that somebody holds stays until it is released.
#pragma once

#include <stdint.h>

#include "daemon/policy/scripting.h"
#include "protocol/bytes.h"

struct script {
    uint8_t sha[SCRIPT_SHA_SIZE];
    struct slice text;
    // The store's own, under its lock:
    struct script *next;          // of the same bucket
    struct script *newer, *older; // used after this one, and before
    unsigned refs;                // the store's own among them
};

struct script_store;

// `most`: bytes that all texts together may have.
struct script_store *script_store_new(size_t most);
// Nobody may hold a script any more.
void script_store_free(struct script_store *store);

// Adds the script, unless it is there. Returns it with a reference for the caller. A text that is
// longer than all together may be is not kept: it lasts as long as it is held.
struct script *script_store_add(struct script_store *store, struct slice text);

// Returns the script with a reference for the caller; NULL when it is not there.
struct script *script_store_find(struct script_store *store, const uint8_t sha[SCRIPT_SHA_SIZE]);

void script_store_release(struct script_store *store, struct script *script);

// Returns how many bytes the texts have.
size_t script_store_bytes(struct script_store *store);

// Writes the SHA-1 of the text.
void script_sha(uint8_t sha[SCRIPT_SHA_SIZE], struct slice text);

// Writes the SHA-1 in hexadecimal digits, in lower case and not NUL-terminated.
void script_sha_write(char hex[SCRIPT_HEX_SIZE], const uint8_t sha[SCRIPT_SHA_SIZE]);

// Reads a SHA-1 in hexadecimal digits of either case. Returns false when the word is none.
bool script_sha_read(uint8_t sha[SCRIPT_SHA_SIZE], struct slice word);
