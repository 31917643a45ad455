// A library to preload: makes one allocation of the program fail, the n-th after it was told to
// count.
//
// FAIL_CONTROL names a file of one page that is mapped and shared with the test: a struct control.
// The test sets `fail_at` and then `is_counting`; each malloc, calloc and realloc adds to `count`,
// and the one that makes it `fail_at` gives NULL. Nothing is counted in children, or before the
// test says so.
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

// glibc's own, which it gives for just this.
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

struct control {
    _Atomic uint64_t is_counting;
    _Atomic uint64_t fail_at; // 0: none
    _Atomic uint64_t count;
    _Atomic uint64_t pid; // of whom is counted; this library writes it
};

static struct control *control;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FAIL_CONTROL");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (page == MAP_FAILED)
        return;
    unsetenv("LD_PRELOAD");
    unsetenv("FAIL_CONTROL");
    control = page;
    control->pid = (uint64_t)getpid();
}

static int must_fail(void) {
    if (!control || !control->is_counting || control->pid != (uint64_t)getpid())
        return 0;
    if (++control->count != control->fail_at)
        return 0;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size) { return must_fail() ? NULL : __libc_malloc(size); }

void *calloc(size_t count, size_t size) { return must_fail() ? NULL : __libc_calloc(count, size); }

void *realloc(void *memory, size_t size) {
    return must_fail() ? NULL : __libc_realloc(memory, size);
}
