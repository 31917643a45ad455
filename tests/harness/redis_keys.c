// Says which words of commands of Redis are keys, by the rows of the dialect
// (protocol/redis/row.h). Standard input is any number of commands: a line with the number of
// words, then each word behind a line with its length. For each command one line comes out: "keys"
// and its keys, which must have no spaces, "refused" and why, or "unknown".
#include <stdio.h>
#include <stdlib.h>

#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/redis/table.h"
#include "protocol/refusal.h"
#include "protocol/syntax.h"
#include "protocol/verb_table.h"

enum { WORDS = 64 };

static bool read_number(size_t *number) { return scanf("%zu", number) == 1 && getchar() == '\n'; }

static struct slice read_word(void) {
    size_t len;
    if (!read_number(&len))
        exit(2);
    char *word = malloc(len + 1);
    if (!word || fread(word, 1, len, stdin) != len)
        exit(2);
    return (struct slice){word, len};
}

static void say_refused(const char *why, size_t len) { printf("refused %.*s\n", (int)len, why); }

static void say_keys(const struct redis_command *command, struct slice *words, size_t count) {
    struct refusal refusal = {0};
    struct call call;
    if (command->row->refused) {
        say_refused(command->row->refused, strlen(command->row->refused));
    } else if (!redis_read_call(&command, words + 1, count - 1, &call, &refusal)) {
        say_refused(refusal.text.data, refusal.text.len);
    } else {
        printf("keys");
        const struct signature *s = &command->entry.signature;
        for (size_t i = syntax_next_key(s, &call, 0); i < call.argc;
             i = syntax_next_key(s, &call, i + 1))
            printf(" %.*s", (int)call.args[i].len, call.args[i].data);
        printf("\n");
    }
    refusal_deinit(&refusal);
}

int main(void) {
    struct verb_table *verbs = verb_table_new(NULL, 0);
    struct redis_table *table = redis_table_new(verbs);
    struct slice words[WORDS];
    size_t count;
    while (read_number(&count) && count >= 1 && count <= WORDS) {
        for (size_t i = 0; i < count; i++)
            words[i] = read_word();
        struct slice given[WORDS];
        memcpy(given, words, sizeof(given));
        const struct redis_command *command = redis_find(table, words[0]);
        if (command)
            say_keys(command, words, count);
        else
            printf("unknown\n");
        for (size_t i = 0; i < count; i++)
            free((char *)given[i].data);
    }
    redis_table_free(table);
    verb_table_free(verbs);
    return 0;
}
