#include "protocol/hello.h"

bool hello_read(const struct slice *args, size_t count, struct hello *h) {
    *h = (struct hello){0};
    for (size_t i = 1; i < count;) {
        size_t left = count - i - 1;
        if (slice_equal_nocase(args[i], SLICE("auth")) && left >= 2) {
            h->credentials = &args[i + 1];
            i += 3;
        } else if (slice_equal_nocase(args[i], SLICE("setname")) && left >= 1) {
            h->name = &args[i + 1];
            i += 2;
        } else {
            h->wrong = i;
            return false;
        }
    }
    return true;
}
