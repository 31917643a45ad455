// Selects: the namespaces that SELECT of a number binds a client of a listener to.
#pragma once

#include "conf/sections.h"
#include "protocol/bytes.h"

// Adds one, as "1: carts". Returns NULL, or a text that says what would be right.
const char *selects_add(struct listener_conf *conf, struct slice text)
    __attribute__((warn_unused_result));

// Returns whether both listeners have the same, in the same order.
bool selects_are_same(const struct listener_conf *a, const struct listener_conf *b);

void selects_free(struct listener_conf *conf);
