// JSON check: whether the values of one request are JSON. A thread of libuv's looks at them while
// the loop goes on: how long that takes grows with the values, and has no bound worth having.
//
//   json_check_new, json_check_add … ──json_check_start──► a thread ──► on_done ──► json_check_free
#pragma once

#include <uv.h>

#include "protocol/bytes.h"

struct json_check;

struct json_check *json_check_new(void);
// One more value, so many bytes behind the request's first word: the request itself may still move.
void json_check_add(struct json_check *check, size_t offset, size_t len);

// Begins unless the check has begun. From here until on_done(owner), on the same loop, the text at
// `first_word` must neither move nor change.
void json_check_start(struct json_check *check, uv_loop_t *loop, const char *first_word,
                      void (*on_done)(void *owner), void *owner);

bool json_check_is_done(const struct json_check *check);
// Whether all values are JSON: to be asked when the check is done.
bool json_check_is_good(const struct json_check *check);

// Frees the check; on_done() is not called any more. While a thread looks at `text`, that belongs
// to the thread: it is taken over, and both are freed later.
void json_check_free(struct json_check *check, struct bytes *text);
