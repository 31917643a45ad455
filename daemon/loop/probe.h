// Probe: places in the code that tools as bpftrace and perf can watch in a running daemon (USDT).
//
// A probe that nobody watches is one instruction that does nothing, and what it takes to have its
// values at hand. EVENTS.md, "Probes", lists them. They are built only with -DPROBES=ON, and where
// <sys/sdt.h> is there.
#pragma once

#ifdef HAS_PROBES
#include <sys/sdt.h>
#define PROBE(name, a, b, c) DTRACE_PROBE3(cachesd, name, a, b, c)
#else
#define PROBE(name, a, b, c) ((void)(a), (void)(b), (void)(c))
#endif
