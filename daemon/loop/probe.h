// Probe: places in the code that tools as bpftrace and perf can watch in a running daemon (USDT).
//
// docs/EVENTS.md, "Probes", lists them. They are built where <sys/sdt.h> is there. Each has a
// semaphore, which the tool raises while it watches: a probe that nobody watches is a look at that,
// and its values are not even fetched.
#pragma once

#ifdef HAS_PROBES
#define _SDT_HAS_SEMAPHORES   1 // what <sys/sdt.h> is told by
#define PROBE_SEMAPHORE(name) extern volatile unsigned short cachesd_##name##_semaphore
PROBE_SEMAPHORE(request);
PROBE_SEMAPHORE(answer);
PROBE_SEMAPHORE(near__hit);
PROBE_SEMAPHORE(wait);
PROBE_SEMAPHORE(backend__state);
PROBE_SEMAPHORE(lease);
#include <sys/sdt.h>
#define PROBE(name, a, b, c)                                                                       \
    do {                                                                                           \
        if (__builtin_expect(cachesd_##name##_semaphore, 0))                                       \
            DTRACE_PROBE3(cachesd, name, a, b, c);                                                 \
    } while (0)
#else
#define PROBE(name, a, b, c) ((void)(a), (void)(b), (void)(c))
#endif
