// Drives ../../../clients/c: see talk.md.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cachesd.h"

enum { MOST = 64 };

static void show(const struct cachesd_reply *reply) {
    if (reply->kind == CACHESD_NIL) {
        printf("nil");
    } else if (reply->kind == CACHESD_NUMBER) {
        printf(":%lld", reply->number);
    } else if (reply->kind == CACHESD_ERROR) {
        printf("-%s %s %s", reply->code, reply->bytes,
               cachesd_is_perhaps_applied(reply) ? "(perhaps)" : "(no)");
    } else if (reply->kind == CACHESD_BYTES) {
        printf("$");
        for (size_t i = 0; i < reply->size; i++) {
            printf("%02x", (unsigned char)reply->bytes[i]);
        }
    } else {
        for (size_t i = 0; i < reply->count; i++) {
            printf(i ? " " : "[");
            show(&reply->items[i]);
        }
        printf(reply->count ? "]" : "[]");
    }
}

// Decodes a word in place.
static struct cachesd_word decoded(char *text) {
    struct cachesd_word word = {text, *text == '.' ? 0 : strlen(text) / 2};
    for (size_t i = 0; i < word.size; i++) {
        char digits[] = {text[2 * i], text[2 * i + 1], '\0'};
        text[i] = (char)strtol(digits, NULL, 16);
    }
    text[word.size] = '\0';
    return word;
}

static struct cachesd *opened(const struct cachesd_word words[]) {
    const char *texts[4];
    for (int i = 0; i < 4; i++) {
        texts[i] = words[i].size ? words[i].bytes : NULL;
    }
    return cachesd_new(&(struct cachesd_options){texts[0], texts[2], texts[3], atoi(texts[1])});
}

int main(void) {
    struct cachesd *cachesd = NULL;
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) {
        struct cachesd_word words[MOST];
        size_t count = 0;
        char *rest;
        const char *verb = strtok_r(line, " \n", &rest);
        for (char *text; count < MOST && (text = strtok_r(NULL, " \n", &rest)); count++) {
            words[count] = decoded(text);
        }
        if (!strcmp(verb, "call")) {
            show(cachesd_call_words(cachesd, 0, count, words));
        } else {
            cachesd_free(cachesd);
            cachesd = opened(words);
            printf(cachesd ? "opened" : "-WRONG");
        }
        printf("\n");
        fflush(stdout);
    }
    cachesd_free(cachesd);
    free(line);
}
