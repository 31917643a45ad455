#include "conf/selects.h"

#include "protocol/mem.h"
#include "protocol/number.h"

_Static_assert(SELECT_MOST == 9999, "as the message says");

const char *selects_add(struct listener_conf *conf, struct slice text) {
    const char *colon = text.len > 0 ? memchr(text.data, ':', text.len) : NULL;
    struct slice digits = {text.data, colon ? (size_t)(colon - text.data) : 0};
    int64_t number;
    if (!colon || !number_parse_int(digits, &number))
        return "a number, a colon and the name of a namespace, as 1: carts";
    struct slice name = {colon + 1, text.len - digits.len - 1};
    while (name.len > 0 && (*name.data == ' ' || *name.data == '\t'))
        name = (struct slice){name.data + 1, name.len - 1};
    if (number < 1 || number > SELECT_MOST)
        return "numbers from 1 to 9999; 0 is what the listener maps itself";
    if (!section_is_name(name))
        return "the name of a namespace behind the colon, as 1: carts";
    conf->selects = mem_grow(conf->selects, conf->select_count, sizeof(*conf->selects));
    conf->selects[conf->select_count++] = (struct select_conf){
        .number = number, .name = mem_text_of(name.data, name.len), .namespace = NO_NAMESPACE};
    return NULL;
}

bool selects_are_same(const struct listener_conf *a, const struct listener_conf *b) {
    bool is_same = a->select_count == b->select_count;
    for (size_t i = 0; is_same && i < a->select_count; i++)
        is_same = a->selects[i].number == b->selects[i].number &&
                  strcmp(a->selects[i].name, b->selects[i].name) == 0;
    return is_same;
}

void selects_free(struct listener_conf *conf) {
    for (size_t i = 0; i < conf->select_count; i++)
        mem_free(conf->selects[i].name);
    mem_free(conf->selects);
}
