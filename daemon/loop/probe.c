#include "daemon/loop/probe.h"

#ifdef HAS_PROBES
// The section where tools look for them.
#define SEMAPHORE(name)                                                                            \
    volatile unsigned short cachesd_##name##_semaphore __attribute__((section(".probes"), used))
SEMAPHORE(request);
SEMAPHORE(answer);
SEMAPHORE(near__hit);
SEMAPHORE(wait);
SEMAPHORE(backend__state);
SEMAPHORE(lease);
#endif
