// JSON check: finds out whether the values of one request are JSON. A thread of libuv checks them
// while the loop goes on, because the time grows with the size of the values, without a useful
// bound.
//
//   json_check_new, json_check_add … ──json_check_start──► a thread ──► on_done ──► json_check_free
#pragma once

#include <uv.h>

#include "protocol/bytes.h"

struct json_check;

struct json_check *json_check_new(void);
// Adds a value of `len` bytes, `offset` bytes after the start of the request's first word. An
// offset, because the request may still move in memory.
void json_check_add(struct json_check *check, size_t offset, size_t len);

// Begins the check, unless it has begun. on_done(owner) is called on the same loop; until then the
// text at `first_word` must neither move nor change.
void json_check_start(struct json_check *check, uv_loop_t *loop, const char *first_word,
                      void (*on_done)(void *owner), void *owner);

bool json_check_is_done(const struct json_check *check);
// Returns whether all values are JSON. To be called when the check is done.
bool json_check_is_good(const struct json_check *check);

// Frees the check; on_done() is not called any more. If a thread still reads `text`, the check
// takes `text` over, and both are freed later.
void json_check_free(struct json_check *check, struct bytes *text);
