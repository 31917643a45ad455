#include "daemon/loop/loop.h"

// Alone in its file, so that a unit test can link a clock which it sets itself.
uint64_t loop_now(const struct loop *loop) { return uv_now(&loop->uv); }
