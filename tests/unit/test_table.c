// Table: lines of name=value pairs, numbers among their values, and replies as CSV.
#include "client/table.h"

#include "client/form.h"
#include "client/json.h"
#include "helpers.h"

START_TEST(pairs_are_read_with_their_quotes_and_escapes) {
    static const struct {
        const char *line, *wanted;
    } rows[] = {
        {"", ""},
        {"   ", ""},
        {"a=1  b=", "<a><1><b><>"},
        {"nothing", ""},
        {"a=1 nothing", "<a><1>"},
        {"a=\"\" b=2", "<a><><b><2>"},
        {"a=\"x y\" b=2", "<a><x y><b><2>"},
        {"a=\"\\n\\r\\t\\\\\\\"\\x41\" b=2", "<a><\n\r\t\\\"A><b><2>"},
        {"a=\"\\q\"", "<a><q>"},
        {"a=\"no end", "<a><no end>"},
        {"a=\"\\", "<a><\\>"},
        {"a=\"\\x4", "<a><x>"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice line = slice_of(rows[i].line), name, value;
        struct bytes unquoted = {0}, found = {0};
        while (table_next_pair(&line, &name, &value, &unquoted))
            bytes_printf(&found, "<%.*s><%.*s>", (int)name.len, name.data, (int)value.len,
                         value.data);
        check_text(rows[i].line, &found, rows[i].wanted);
        bytes_deinit(&unquoted);
    }
    struct slice zero = SLICE("a=\"\\0\""), name, value;
    struct bytes unquoted = {0};
    ck_assert(table_next_pair(&zero, &name, &value, &unquoted));
    check_same("zero", value, SLICE("\0"));
    bytes_deinit(&unquoted);
}
END_TEST

START_TEST(numbers_are_those_of_json) {
    static const char *const numbers[] = {"0",   "7",   "-12",  "0.5",   "10.25",
                                          "1e9", "1E9", "2e+3", "2.5e-3"};
    static const char *const texts[] = {"",   "-",   "01", "1.",   ".5",  "1e",   "1e+",
                                        "+1", "0x1", "1 ", "1.e3", "nan", "1.5.2"};
    for (size_t i = 0; i < COUNT(numbers); i++)
        ck_assert_msg(json_is_number(slice_of(numbers[i])), "%s", numbers[i]);
    for (size_t i = 0; i < COUNT(texts); i++)
        ck_assert_msg(!json_is_number(slice_of(texts[i])), "%s", texts[i]);
    ck_assert(!table_is_number(SLICE("namespace"), SLICE("7")));
}
END_TEST

static void check_form(struct form form, const char *verb, const struct reply *reply,
                       const char *wanted) {
    char *text = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&text, &len);
    ck_assert_ptr_nonnull(stream);
    form_write(&form, slice_of(verb), reply, stream);
    fclose(stream);
    check_same(verb, (struct slice){text, len}, slice_of(wanted));
    free(text);
}

static struct reply bulk(const char *text) {
    return (struct reply){.type = EVENT_BULK, .text = slice_of(text)};
}

START_TEST(csv_quotes_what_needs_it_and_has_a_line_for_an_array_within) {
    struct form csv = {.kind = FORM_CSV};
    struct reply inner[] = {bulk("f"), bulk("v,w"), bulk("g"), bulk("say \"x\"\r\n")};
    struct reply outer[] = {bulk("7"),
                            {.type = EVENT_ARRAY, .count = 4, .items = inner},
                            {.type = EVENT_INTEGER, .integer = -3},
                            {.type = EVENT_NIL}};
    struct reply array = {.type = EVENT_ARRAY, .count = COUNT(outer), .items = outer};
    struct reply none = {.type = EVENT_ARRAY}, number = outer[2], nil = outer[3], text = bulk("");
    check_form(csv, "dict.scan", &array, "7\nf,\"v,w\"\ng,\"say \"\"x\"\"\r\n\"\n-3,\n");
    check_form(csv, "set.scan", &array, "7\nf,\"v,w\",g,\"say \"\"x\"\"\r\n\"\n-3,\n");
    check_form(csv, "set.items", &none, "\n");
    check_form(csv, "key.incr", &number, "-3\n");
    check_form(csv, "key.get", &nil, "\n");
    check_form(csv, "key.get", &text, "\"\"\n");
}
END_TEST

START_TEST(tables_become_csv_with_every_column_that_a_line_has) {
    struct form csv = {.kind = FORM_CSV};
    struct reply pairs = bulk("name=a state=up\nname=b reason=\"x, y\" state=down rest\n");
    struct reply sections = bulk("before:1\n# one\nhits:3\nno field\n# two\nmisses:4\n");
    check_form(csv, "backends", &pairs, "name,state,reason\na,up,\nb,down,\"x, y\"\n");
    check_form(csv, "Stats", &sections,
               "section,name,value\n\"\",before,1\none,hits,3\ntwo,misses,4\n");
}
END_TEST

START_TEST(a_terminal_is_shown_nothing_that_it_might_obey) {
    struct form csv = {.kind = FORM_CSV, .is_terminal = true}, plain = {.kind = FORM_TEXT};
    static const struct {
        const char *text, *csv, *plain;
    } rows[] = {
        {"größe\tx", "größe\tx\n", "größe\tx\n"},
        {"a\033[2J", "a\\x1b[2J\n", "\"a\\x1b[2J\"\n"},
        {"\x7f", "\\x7f\n", NULL},
        {"\xc2\x9b", "\\xc2\\x9b\n", NULL},
        {"\xff\xc2", "\\xff\\xc2\n", NULL},
        {"\xc2\xa0", "\xc2\xa0\n", "\xc2\xa0\n"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct reply reply = bulk(rows[i].text);
        check_form(csv, "key.get", &reply, rows[i].csv);
        if (rows[i].plain)
            check_form(plain, "key.get", &reply, rows[i].plain);
    }
}
END_TEST

START_TEST(colours_stand_around_errors_and_what_is_not_there) {
    struct form form = {.kind = FORM_TEXT, .has_colour = true};
    struct reply error = {.type = EVENT_ERROR, .text = SLICE("ARGS no")}, nil = {.type = EVENT_NIL};
    check_form(form, "key.get", &nil, "\033[2m(nil)\033[m\n");
    check_form(form, "key.get", &error, "\033[31mARGS no\033[m\n");
    form.has_colour = false;
    check_form(form, "key.get", &nil, "(nil)\n");
    check_form(form, "key.get", &error, "ARGS no\n");
}
END_TEST

int main(void) {
    return RUN_TESTS("table", pairs_are_read_with_their_quotes_and_escapes,
                     numbers_are_those_of_json,
                     csv_quotes_what_needs_it_and_has_a_line_for_an_array_within,
                     tables_become_csv_with_every_column_that_a_line_has,
                     a_terminal_is_shown_nothing_that_it_might_obey,
                     colours_stand_around_errors_and_what_is_not_there);
}
