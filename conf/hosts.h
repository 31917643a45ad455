// Hosts: names and addresses of hosts, without ports, as the option `hosts` lists them.
#pragma once

#include "conf/sections.h"
#include "protocol/bytes.h"

// Adds a host, as cache.internal, 10.0.0.7 or [fd00::1]. Returns NULL, or a text that says why it
// is wrong.
const char *hosts_add(struct names *hosts, struct slice host) __attribute__((warn_unused_result));

// Returns whether the host, without brackets, is in the list; upper case means the same as lower.
bool hosts_has(const struct names *hosts, struct slice host);

// Returns whether both lists have the same hosts in the same order.
bool hosts_are_same(const struct names *a, const struct names *b);
