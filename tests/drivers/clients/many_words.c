// Adds as many members to a set as cachesd_call() takes words for, and one more, which it must
// refuse.
#include "cachesd.h"

#include <stdio.h>

#define TEN(n) #n "0", #n "1", #n "2", #n "3", #n "4", #n "5", #n "6", #n "7", #n "8", #n "9"
#define SIXTY  TEN(1), TEN(2), TEN(3), TEN(4), TEN(5), TEN(6)

static void show(const struct cachesd_reply *reply) {
    printf("%d %lld %s\n", reply->kind == CACHESD_ERROR, reply->number, reply->code);
}

int main(void) {
    struct cachesd *cachesd = cachesd_new(NULL);
    show(cachesd_call(cachesd, "set.add", "carts", "s", SIXTY, "64th", NULL));
    show(cachesd_call(cachesd, "set.add", "carts", "s", SIXTY, "64th", "65th", NULL));
    cachesd_free(cachesd);
}
