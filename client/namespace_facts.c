#include "client/namespace_facts.h"

#include "client/complain.h"
#include "client/connection.h"
#include "client/reply.h"
#include "client/table.h"
#include "protocol/answer.h"
#include "protocol/number.h"

static bool cut_word(struct slice *list, struct slice *word) {
    if (list->len == 0)
        return false;
    const char *comma = memchr(list->data, ',', list->len);
    word->data = list->data;
    word->len = comma ? (size_t)(comma - list->data) : list->len;
    size_t taken = word->len + (comma != NULL);
    *list = (struct slice){list->data + taken, list->len - taken};
    return true;
}

static void read_collections(struct namespace_facts *facts, struct slice list) {
    struct {
        const char *name;
        bool *has;
    } rows[] = {{"key", &facts->has_key},         {"memo", &facts->has_memo},
                {"dict", &facts->has_dict},       {"set", &facts->has_set},
                {"counter", &facts->has_counter}, {"sorted", &facts->has_sorted}};
    struct slice word;
    while (cut_word(&list, &word))
        for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
            if (slice_equal(word, slice_of(rows[i].name)))
                *rows[i].has = true;
}

static void read_line(struct namespace_facts *facts, struct slice line) {
    struct slice name, value, option = {0};
    struct bytes unquoted = {0};
    while (table_next_pair(&line, &name, &value, &unquoted)) {
        if (slice_equal(name, SLICE("option")))
            option = value; // which is never quoted, so that it stays
        else if (slice_equal(name, SLICE("value")) && slice_equal(option, SLICE("collections")))
            read_collections(facts, value);
        else if (slice_equal(name, SLICE("value")) && slice_equal(option, SLICE("stale")) &&
                 !number_parse_duration(value, &facts->stale_ms))
            facts->stale_ms = 0;
    }
    bytes_deinit(&unquoted);
}

// Returns whether the line of `settings` is of that namespace's section.
static bool is_of(struct slice line, struct slice wanted) {
    struct slice name, value;
    struct bytes unquoted = {0};
    bool is_namespace = false, is_wanted = false;
    while (table_next_pair(&line, &name, &value, &unquoted)) {
        if (slice_equal(name, SLICE("section")))
            is_namespace = slice_equal(value, SLICE("namespace"));
        else if (slice_equal(name, SLICE("name")))
            is_wanted = slice_equal(value, wanted);
    }
    bytes_deinit(&unquoted);
    return is_namespace && is_wanted;
}

// Has the daemon say what is wrong with a request for that namespace, since it knows the names that
// are near. `settings` takes names of other things, too, and does not say that.
static void complain_of_missing(struct connection *c, struct slice name) {
    struct slice words[] = {SLICE("scan"), name, SLICE("0")};
    const struct reply *reply = connection_call(c, words, 3);
    if (reply && reply->type == EVENT_ERROR)
        complain("%.*s", (int)reply->text.len, reply->text.data);
    else
        complain("the daemon tells nothing of a namespace '%.*s'", (int)name.len, name.data);
}

enum exit_code namespace_facts_read(struct namespace_facts *facts, struct connection *c,
                                    struct slice name) {
    struct slice line, words[] = {SLICE("settings"), name};
    bool is_there = false;
    *facts = (struct namespace_facts){0};
    const struct reply *reply = connection_call(c, words, 2);
    if (!reply) {
        complain("%s: %s", connection_address(c), connection_trouble(c));
        return EXIT_NO_DAEMON;
    }
    struct slice text = reply->text;
    while (reply->type == EVENT_BULK && table_next_line(&text, &line))
        if (is_of(line, name)) {
            read_line(facts, line);
            is_there = true;
        }
    if (is_there)
        return EXIT_ANSWERED;
    if (reply->type == EVENT_ERROR && !slice_equal(reply_error_code(reply), SLICE("ARGS")))
        complain("%.*s", (int)reply->text.len, reply->text.data);
    else
        complain_of_missing(c, name);
    return EXIT_REFUSED;
}
