// Embedded: a private redis-server on a Unix socket, that lives as long as its backend.
#pragma once

#include "conf/sections.h"
#include "daemon/loop/loop.h"

struct embedded;

// Starts it, and again when it dies. It keeps nothing on disk.
struct embedded *embedded_new(struct loop *loop, const struct backend_conf *conf);

// Ends it, and frees itself when it has gone; after two seconds it is killed.
void embedded_free(struct embedded *e);

const char *embedded_path(const struct embedded *e);

// Why it does not run; NULL: it does, or is about to.
const char *embedded_trouble(const struct embedded *e);
