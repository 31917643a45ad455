// The sample configuration, held against the schema.
#include "conf/file.h"
#include "conf/option.h"
#include "configuration.h"

// Where `mark` begins a line of the text, which may be commented out; NULL: nowhere.
static const char *find_line(const char *text, const char *mark) {
    const char *at = text;
    while ((at = strstr(at, mark)) != NULL && at > text && at[-1] != '\n' && at[-1] != ';')
        at++;
    return at;
}

// The value that follows "NAME =" in the part of `text` that begins with "[SECTION".
static bool find_in_sample(const char *text, const struct option_row *row, struct slice *value) {
    char mark[80];
    snprintf(mark, sizeof(mark), "[%s", section_name(row->section));
    const char *section = find_line(text, mark);
    ck_assert_ptr_nonnull(section);
    const char *next = strstr(section, "\n[");
    snprintf(mark, sizeof(mark), "%s =", row->name);
    const char *at = find_line(section, mark);
    if (!at || (next && at > next))
        return false;
    at += strlen(mark);
    at += strspn(at, " ");
    *value = (struct slice){at, strcspn(at, "\n")};
    return true;
}

// The section of that kind of which the sample shows the option.
static const void *section_of(const struct settings *s, enum section section) {
    switch (section) {
    case SECTION_HTTP: return &s->http;
    case SECTION_BACKEND: return &s->backends[0];
    case SECTION_NAMESPACE: return &s->namespaces[0];
    default: return &s->daemon;
    }
}

// Loads the sample without the line that begins at `value`.
static struct settings *load_without(const char *sample, const char *value) {
    struct bytes report = {0}, text = {0};
    bytes_append_slice(&text, slice_of(sample));
    size_t at = (size_t)(value - sample);
    while (at > 0 && sample[at - 1] != '\n')
        at--;
    text.data[at] = ';';
    write_file("c.ini", bytes_slice(&text));
    struct settings *s = load("c.ini", NULL, &report);
    check_text(sample + at, &report, "");
    bytes_deinit(&text);
    return s;
}

START_TEST(sample_shows_every_option_with_its_default) {
    struct bytes text = {0};
    ck_assert_int_eq(file_read(SAMPLE_FILE, &text), 0);
    bytes_append(&text, "", 1);
    struct settings *with = load_good(text.data, NULL);
    for (size_t i = 0; i < schema_count; i++) {
        const struct option_row *row = &schema[i];
        struct slice value;
        ck_assert_msg(find_in_sample(text.data, row, &value),
                      "conf/cachesd.ini has no line '%s =' under [%s]", row->name,
                      section_name(row->section));
        bool is_comment = row->section == SECTION_USER || row->section == SECTION_LISTENER;
        if (is_comment && row->fallback)
            check_same(row->name, value, slice_of(row->fallback));
        if (is_comment || row->type == TYPE_URL) // they have no default
            continue;
        if (row->type == TYPE_INCLUDES) {
            check_same(row->name, value, SLICE(""));
            continue;
        }
        struct settings *without = load_without(text.data, value.data);
        ck_assert_msg(without, "%s is needed", row->name);
        bool is_same =
            option_is_same(row, section_of(with, row->section), section_of(without, row->section));
        ck_assert_msg(is_same || row->type == TYPE_NAME, "%s = %.*s is not its default", row->name,
                      (int)value.len, value.data);
        settings_unref(without);
    }
    settings_unref(with);
    bytes_deinit(&text);
}
END_TEST

START_TEST(sample_is_good) {
    struct bytes report = {0};
    settings_unref(load(SAMPLE_FILE, NULL, &report));
    check_text("sample", &report, "");
}
END_TEST

START_TEST(sample_names_every_collection) {
    struct bytes names = {0};
    collection_append_names(&names, ", ");
    bytes_append(&names, "", 1);
    const char *help = schema_find(SECTION_NAMESPACE, SLICE("collections"))->help;
    ck_assert_msg(strstr(help, names.data), "'%s' does not say '%s'", help, names.data);
    bytes_deinit(&names);
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND("sample", begin, end, sample_shows_every_option_with_its_default,
                            sample_is_good, sample_names_every_collection);
}
