// Part of each program whose branches are counted (./dev coverage): what ends by _exit(), as a
// process of `caches --local` does beside it, would otherwise take its counts along.
#include <gcov.h>

void __real__exit(int code) __attribute__((noreturn));
void __wrap__exit(int code) __attribute__((noreturn));

void __wrap__exit(int code) {
    __gcov_dump();
    __real__exit(code);
}
