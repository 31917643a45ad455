// Slow log: the last requests of a loop that took long, or whose words or reply were large. Values
// are in none of them.
//
// Requests are looked at once a batch, when a run of answers begins (answer_run.h): so of a batch
// that was slow as a whole there is one entry, which says how many requests it stands for.
#pragma once

#include "protocol/bytes.h"
#include "protocol/reply.h"

struct call;
struct daemon_conf;
struct namespace_conf;
struct verb_entry;

enum { SLOW_LOG_SIZE = 128, SLOW_KEY_MOST = 64, SLOW_NAME_MOST = 63 };

struct slow_entry {
    int64_t at_us;                      // since 1970
    const char *verb;                   // its name: valid as long as the daemon runs
    char namespace[SLOW_NAME_MOST + 1]; // the beginning of its name
    char key[SLOW_KEY_MOST + 1];        // the beginning of its first key; not NUL-terminated
    uint8_t key_len;                    // more than SLOW_KEY_MOST: the key is longer. 0: not kept
    bool is_slow, is_large;             // why the entry is here
    bool is_error;                      // the reply is an error, of `code`
    enum reply_code code;
    uint32_t words;                 // of the request, the verb and the namespace included
    uint64_t request_bytes;         // of these words
    uint64_t reply_bytes;           // 0: there was no answer
    uint64_t waited_us, backend_us; // for room at the backend, and from sending to the answer
    uint64_t client;                // the id; 0: it had gone
    uint64_t count;                 // requests of the batch
    size_t worker;                  // the number
};

struct slow_log {
    uint64_t slow_us; // a request that takes as long is slow
    size_t large;     // bytes: a request or a reply of as many is large
    unsigned keeps;   // bits of enum verb_flags: of requests with such verbs the key is kept
    struct slow_entry *entries; // a ring; NULL: there was none yet
    size_t next, count;
};

void slow_log_configure(struct slow_log *log, const struct daemon_conf *conf);
void slow_log_deinit(struct slow_log *log);

// Keeps the beginning of the call's first key, for an entry.
void slow_log_keep_key(struct bytes *kept, const struct verb_entry *entry, const struct call *call);

// A request whose stay at its backend has ended.
struct stay {
    const struct verb_entry *entry;
    const struct namespace_conf *namespace;
    struct slice
        kept;      // the key that was kept, if any; with its prefix where the verb has two steps
    uint32_t argc; // arguments behind the namespace
    uint64_t request_bytes, reply_bytes, waited_us, backend_us, client; // as in slow_entry
    const enum reply_code *code; // of its error; NULL: it is none
};

// Adds an entry. It is valid until as many others have been added as the log holds.
struct slow_entry *slow_log_note(struct slow_log *log, const struct stay *stay);

// Forgets all entries.
void slow_log_reset(struct slow_log *log);
