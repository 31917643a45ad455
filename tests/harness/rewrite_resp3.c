// Rewrites replies of RESP2 as a client of RESP3 gets them (protocol/redis/resp3.h). Standard input
// is any number of replies, each behind a line "SHAPE LENGTH"; each comes out behind a line
// "LENGTH".
#include <stdio.h>
#include <stdlib.h>

#include "protocol/bytes.h"
#include "protocol/redis/resp3.h"

static enum shape shape_of(const char *name) {
    static const char *const names[SHAPES] = {
        [SHAPE_SAME] = "SAME",
        [SHAPE_MAP] = "MAP",
        [SHAPE_SET] = "SET",
        [SHAPE_DOUBLE] = "DOUBLE",
        [SHAPE_DOUBLES] = "DOUBLES",
        [SHAPE_PAIRS] = "PAIRS",
        [SHAPE_PAIRS_TEXT] = "PAIRS_TEXT",
        [SHAPE_PAIR] = "PAIR",
        [SHAPE_VERBATIM] = "VERBATIM",
        [SHAPE_MPOP] = "MPOP",
        [SHAPE_POSITIONS] = "POSITIONS",
        [SHAPE_GEO] = "GEO",
    };
    for (int shape = 0; shape < SHAPES; shape++)
        if (names[shape] && strcmp(names[shape], name) == 0)
            return (enum shape)shape;
    fprintf(stderr, "rewrite_resp3: no shape '%s'\n", name);
    exit(2);
}

int main(void) {
    char name[32];
    size_t len;
    struct bytes reply = {0};
    while (scanf("%31s %zu", name, &len) == 2 && getchar() == '\n') {
        reply.len = 0;
        bytes_reserve(&reply, len);
        bytes_grew(&reply, fread(reply.data, 1, len, stdin));
        resp3_rewrite(&reply, 0, shape_of(name));
        printf("%zu\n", reply.len);
        fwrite(reply.data, 1, reply.len, stdout);
    }
    bytes_deinit(&reply);
    return ferror(stdin) || fflush(stdout) ? 1 : 0;
}
