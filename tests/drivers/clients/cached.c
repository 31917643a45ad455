// Drives ../../../clients/c: a command a line, `call|forget|refresh WORD`, and a result a line.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cachesd.h"

static const char *path(const char *name) {
    static char text[500];
    snprintf(text, sizeof text, "%s/%s", getenv("FOLDER"), name);
    return text;
}

static int count_of(const char *word) {
    FILE *file = fopen(path("computed"), "r");
    char line[200];
    int count = 0;
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        count += !strcmp(line, word);
    }
    fclose(file);
    return count;
}

static int compute(void *context, char **value, size_t *size) {
    const char *word = context;
    FILE *file = fopen(path("computed"), "a");
    fprintf(file, "%s\n", word);
    fclose(file);
    while (!strncmp(word, "gate", 4) && access(path("gate"), F_OK)) {
        usleep(5000);
    }
    if (!strncmp(word, "throw", 5)) {
        return 1;
    }
    if (strncmp(word, "null", 4)) {
        *value = malloc(300);
        *size = (size_t)snprintf(*value, 300, "{\"word\": \"%s\", \"count\": %d}", word,
                                 count_of(word));
    }
    return 0;
}

int main(void) {
    struct cachesd *cachesd = cachesd_new(&(struct cachesd_options){.timeout_ms = 10000});
    char verb[20], word[200], key[300];
    while (scanf("%19s %199s", verb, word) == 2) {
        snprintf(key, sizeof key, "f:%s", word);
        struct cachesd_memo memo = {getenv("NAMESPACE"), key, getenv("TTL"),
                                    atoi(getenv("WAIT_MS"))};
        bool is_forgotten = strcmp(verb, "call") && cachesd_forget(cachesd, &memo);
        if (!strcmp(verb, "forget")) {
            puts(is_forgotten ? "true" : "false");
        } else {
            char *value = NULL;
            size_t size;
            if (cachesd_cached(cachesd, &memo, compute, word, &value, &size)) {
                printf("threw %s\n", word);
            } else {
                printf("%.*s\n", value ? (int)size : 4, value ? value : "null");
            }
            free(value);
        }
        fflush(stdout);
    }
    cachesd_free(cachesd);
}
