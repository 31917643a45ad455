// Embedded: a private redis-server on a Unix socket, that lives as long as its backend.
#pragma once

#include "conf/sections.h"
#include "daemon/loop/loop.h"

struct embedded;

// Starts the server, and starts it again whenever it dies. The server keeps nothing on disk. `conf`
// must outlive the returned struct.
struct embedded *embedded_new(struct loop *loop, const struct backend_conf *conf);

// Asks the server to end, and kills it after two seconds. The struct is freed when the server has
// gone.
void embedded_free(struct embedded *e);

const char *embedded_path(const struct embedded *e);

// Returns why the server does not run; NULL when it runs or is about to.
const char *embedded_trouble(const struct embedded *e);
