// Hints and completion: what may follow a line that is being typed.
#include "client/completion.h"
#include "client/hint.h"
#include "client/listing.h"
#include "client/words.h"
#include "helpers.h"

static const char help[] =
    "del N K [K ...]\n    removes keys\n"
    "key.get N K\n    the value, or nil\n"
    "key.set [ttl=] N K V\n    stores the value\n"
    "dict.set [ttl=] N K F V [F V ...]\n    stores fields\n"
    "dict.scan [count=] N K cursor\n    a step\n"
    "sorted.add [ttl=] [if=absent|present] N K score M [score M ...]\n    adds\n"
    "set.pop N K [count]\n    removes\n"
    "tap [namespace=] [verb=] [sample=]\n    shows\n"
    "slowlog [count]\n    slow ones\n"
    "slowlog.reset\n    forgets them\n"
    "explain VERB [word ...]\n    what it would do\n"
    "clients [name=value ...]\n    clients\n"
    "\nN namespace, K key\nhelp VERB\n";
static const char namespaces[] =
    "name=carts backend=main prefix=\"a b\" collections=key,dict,set max_key=1kb\n"
    "name=cookies backend=main collections=key\n"
    "name=scores backend=main collections=sorted\n";

static struct words words;

static void learn(void) {
    words_add(&words, "help", "[verb]", "this");
    words_take_help(&words, slice_of(help));
    words_take_namespaces(&words, slice_of(namespaces));
}

static void forget(void) { words_deinit(&words); }

struct hint_row {
    const char *line, *hint;
};

static void check_hints(const struct hint_row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct bytes hint = {0};
        size_t len = strlen(rows[i].line);
        char *exact = copy_exactly(rows[i].line, len);
        hint_append(&hint, &words, (struct slice){exact, len});
        check_text(rows[i].line, &hint, rows[i].hint);
        free(exact);
    }
}

START_TEST(words_given_disappear_from_the_hint_one_by_one) {
    static const struct hint_row rows[] = {
        {"dict.set", " [ttl=] N K F V [F V ...]   stores fields"},
        {"dict.set ", "[ttl=] N K F V [F V ...]"},
        {"dict.set carts", " K F V [F V ...]"},
        {"dict.set carts ", "K F V [F V ...]"},
        {"dict.set carts 7", " F V [F V ...]"},
        {"dict.set carts 7 a", " V [F V ...]"},
        {"dict.set carts 7 a 1", " [F V ...]"},
        {"dict.set carts 7 a 1 b", " V [F V ...]"},
        {"dict.set carts 7 a 1 b 2 ", "[F V ...]"},
        {"set.pop carts 7", " [count]"},
        {"set.pop carts 7 3", ""},
        {"set.pop carts 7 3 4", ""},
        {"del carts", " K [K ...]"},
        {"del carts 1 2 3", " [K ...]"},
        {"key.set carts k \"two words", ""},
        {"key.set carts \"a k\"", " V"},
        {"clients user=web", " [name=value ...]"},
    };
    check_hints(rows, COUNT(rows));
}
END_TEST

START_TEST(a_verb_that_has_begun_is_finished_in_the_hint) {
    static const struct hint_row rows[] = {
        {"", ""},
        {" ", ""},
        {"dict.s", "et [ttl=] N K F V [F V ...]   stores fields"},
        {"DICT.S", "et [ttl=] N K F V [F V ...]   stores fields"},
        {"dict.sc", "an [count=] N K cursor   a step"},
        {"slowlog", " [count]   slow ones"},
        {"slowlog.", "reset   forgets them"},
        {"hel", "p [verb]   this"},
    };
    check_hints(rows, COUNT(rows));
}
END_TEST

START_TEST(options_are_hinted_until_the_namespace_is_there) {
    static const struct hint_row rows[] = {
        {"sorted.add ttl=5s ", "[if=absent|present] N K score M [score M ...]"},
        {"sorted.add if=", "absent|present [ttl=] N K score M [score M ...]"},
        {"sorted.add if=absent", " [ttl=] N K score M [score M ...]"},
        {"sorted.add if=absent ttl=1", " N K score M [score M ...]"},
        {"sorted.add scores ttl=1", " score M [score M ...]"},
        {"key.get ttl=1", " K"}, // no option of this verb's
    };
    check_hints(rows, COUNT(rows));
}
END_TEST

START_TEST(explain_has_the_hints_of_what_it_explains) {
    static const struct hint_row rows[] = {
        {"explain", " VERB [word ...]   what it would do"},
        {"explain ", "VERB [word ...]"},
        {"explain key.", "get N K   the value, or nil"},
        {"explain key.set carts", " K V"},
    };
    check_hints(rows, COUNT(rows));
}
END_TEST

START_TEST(an_unknown_verb_names_the_near_one) {
    static const struct hint_row rows[] = {
        {"dict.ste ", "   did you mean dict.set?"},
        {"get ", "   did you mean key.get?"},
        {"xyzzy ", ""},
        {"dict.ste carts", ""},
        {"hepl ", "   did you mean help?"},
    };
    check_hints(rows, COUNT(rows));
}
END_TEST

START_TEST(a_newer_daemons_syntax_is_hinted_too) {
    words_take_help(&words,
                    SLICE("new.verb [depth=1|2] N [a [b]] what ...\n    new\nodd\nbare [\n"));
    static const struct hint_row rows[] = {
        {"new.verb depth=", "1|2 N [a [b]] what ..."},
        {"new.verb N", " [a [b]] what ..."},
        {"odd", "   "},
        {"bare", " [   "},
    };
    check_hints(rows, COUNT(rows));
}
END_TEST

// --- completion -------------------------------------------------------------------------------

static void check_candidates(const char *line, const char *wanted) {
    struct sample before = sample_of(line);
    struct candidates found;
    struct bytes text = {0};
    size_t len = strlen(line);
    bool is_between = len == 0 || line[len - 1] == ' ';
    size_t count = before.count - !is_between;
    completion_find(&words, before.words, count, is_between ? SLICE("") : before.words[count],
                    &found);
    for (size_t i = 0; i < found.count; i++) {
        bytes_printf(&text, "%s%.*s", i > 0 ? " " : "", (int)found.items[i].text.len,
                     found.items[i].text.data);
    }
    check_text(line, &text, wanted);
    candidates_deinit(&found);
}

START_TEST(verbs_namespaces_options_and_values_are_completed) {
    static const struct hint_row rows[] = {
        {"key", "key.get key.set"},
        {"KEY.G", "key.get"},
        {"xyzzy", ""},
        {"xyzzy ", ""},
        {"key.get c", "carts cookies"},
        {"dict.set c", "carts"}, // cookies takes no dict
        {"sorted.add ", "scores ttl= if="},
        {"sorted.add if=", "if=absent if=present"},
        {"sorted.add if=p", "if=present"},
        {"sorted.add if=absent ", "scores ttl="},
        {"sorted.add scores ", ""}, // keys are not known here
        {"key.get carts k", ""},
        {"tap namespace=c", "namespace=carts namespace=cookies"},
        {"tap verb=dict.", "verb=dict.set verb=dict.scan"},
        {"help key", "key.get key.set key"},
        {"help slow", "slowlog slowlog.reset"},
        {"explain dict.se", "dict.set"},
        {"explain dict.set t", "ttl="},
        {"explain dict.set ca", "carts"},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        check_candidates(rows[i].line, rows[i].hint);
}
END_TEST

START_TEST(a_verb_that_no_namespace_allows_is_given_all_of_them) {
    words_take_namespaces(&words, SLICE("name=a collections=key\nname=b collections=key\n"));
    check_candidates("dict.set ", "a b ttl=");
}
END_TEST

struct tab_row {
    const char *line, *more, *list;
};

START_TEST(tab_types_what_is_certain_and_lists_the_rest) {
    static const struct tab_row rows[] = {
        {"dict.se", "t ", ""},
        {"di", "ct.s", ""},
        {"dict.s", "", "dict.set   stores fields\ndict.scan  a step\n"},
        {"key.get c", "", "carts    cookies\n"},
        {"key.get ca", "rts ", ""},
        {"key.set tt", "l=", ""},
        {"key.get \"c", "", ""},
        {"xyzzy", "", ""},
        {"key.get carts ", "", ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bytes more = {0}, list = {0};
        listing_complete(&words, slice_of(rows[i].line), &more, 40, &list);
        check_text(rows[i].line, &more, rows[i].more);
        check_text(rows[i].line, &list, rows[i].list);
    }
}
END_TEST

START_TEST(lists_keep_to_the_width) {
    struct bytes more = {0}, list = {0};
    listing_complete(&words, SLICE("dict.s"), &more, 16, &list);
    check_text("cut summaries", &list, "dict.set   stor\ndict.scan  a st\n");
    static const struct slice names[] = {
        {"one", 3}, {"two", 3}, {"three", 5}, {"four", 4}, {"five", 4}};
    listing_append_columns(&list, names, 5, 2, 18);
    check_text("columns", &list, "  one    four\n  two    five\n  three\n");
    listing_append_columns(&list, names, 2, 0, 1);
    check_text("no room", &list, "one\ntwo\n");
    bytes_deinit(&more);
}
END_TEST

// The address sanitizer looks on.
START_TEST(no_line_and_no_help_leads_astray) {
    static const char letters[] = "dict.set carts \"\\=[]|.*$\t\x01\xc3\xa4 help explain if= ";
    unsigned seed = 1;
    for (int round = 0; round < 20000; round++) {
        char line[48];
        size_t len = (size_t)rand_r(&seed) % sizeof(line);
        for (size_t i = 0; i < len; i++)
            line[i] = letters[(size_t)rand_r(&seed) % (sizeof(letters) - 1)];
        char *exact = copy_exactly(line, len);
        struct slice text = {exact, len};
        struct bytes out = {0}, list = {0};
        hint_append(&out, &words, text);
        listing_complete(&words, text, &out, 10, &list);
        if (round % 100 == 0)
            words_take_help(&words, round % 200 == 0 ? text : slice_of(help));
        if (round % 150 == 0)
            words_take_namespaces(&words, round % 300 == 0 ? text : slice_of(namespaces));
        bytes_deinit(&out);
        bytes_deinit(&list);
        free(exact);
    }
}
END_TEST

START_TEST(words_are_taken_anew_each_time) {
    words_take_help(&words, SLICE("help [verb]\n    the daemon's\nonly.one N\n    one\n"));
    ck_assert_uint_eq(words.verb_count, 2);
    check_same("own", words_find(&words, SLICE("HELP"))->summary, SLICE("this"));
    check_same("daemon's", words_find(&words, SLICE("only.one"))->summary, SLICE("one"));
    ck_assert_ptr_null(words_find(&words, SLICE("key.get")));
    words_take_namespaces(&words, SLICE(""));
    ck_assert_uint_eq(words.namespace_count, 0);
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND(
        "hint", learn, forget, words_given_disappear_from_the_hint_one_by_one,
        a_verb_that_has_begun_is_finished_in_the_hint,
        options_are_hinted_until_the_namespace_is_there, explain_has_the_hints_of_what_it_explains,
        an_unknown_verb_names_the_near_one, a_newer_daemons_syntax_is_hinted_too,
        verbs_namespaces_options_and_values_are_completed,
        a_verb_that_no_namespace_allows_is_given_all_of_them,
        tab_types_what_is_certain_and_lists_the_rest, lists_keep_to_the_width,
        no_line_and_no_help_leads_astray, words_are_taken_anew_each_time);
}
