// Exposition: metrics → the text that Prometheus reads.
#include "daemon/admin/exposition.h"

#include "helpers.h"

// Writes a label with this value, and a sample's value.
static void check_label(struct slice value, const char *wanted) {
    struct bytes out = {0};
    struct exposition x = {.out = &out, .name = SLICE("m")};
    exposition_sample(&x, SLICE(""));
    exposition_label(&x, SLICE("l"), value);
    exposition_value(&x, 1);
    check_text(wanted, &out, wanted);
}

START_TEST(labels_hold_any_bytes) {
    check_label(SLICE("plain text~ !"), "m{l=\"plain text~ !\"} 1\n");
    check_label(SLICE(""), "m{l=\"\"} 1\n");
    check_label(SLICE("a\"b\\c"), "m{l=\"a\\\"b\\\\c\"} 1\n");
    check_label(SLICE("a\nb"), "m{l=\"a\\nb\"} 1\n");
    check_label(SLICE("a\0b\rc"), "m{l=\"a\\\\x00b\\\\x0dc\"} 1\n");
    check_label(SLICE("\xc3\xa4\x7f"), "m{l=\"\\\\xc3\\\\xa4\\\\x7f\"} 1\n");
}
END_TEST

START_TEST(samples_have_labels_or_none) {
    struct bytes out = {0};
    struct exposition x = {.out = &out, .name = SLICE("m")};
    exposition_sample(&x, SLICE("_sum"));
    exposition_seconds(&x, 1002003);
    exposition_sample(&x, SLICE("_bucket"));
    exposition_label(&x, SLICE("a"), SLICE("1"));
    exposition_label(&x, SLICE("b"), SLICE("2"));
    exposition_value(&x, UINT64_MAX);
    check_text("samples", &out, "m_sum 1.002003\nm_bucket{a=\"1\",b=\"2\"} 18446744073709551615\n");
}
END_TEST

static void check_families(enum exposition_format format, const char *wanted) {
    struct bytes out = {0};
    struct exposition x = {.format = format, .out = &out};
    exposition_family(&x, "a_total", METRIC_COUNTER, "As.");
    exposition_family(&x, "b", METRIC_GAUGE, "Bs.");
    exposition_family(&x, "c_info", METRIC_INFO, "Cs.");
    exposition_family(&x, "d", METRIC_HISTOGRAM, "Ds.");
    exposition_end(&x);
    check_text("families", &out, wanted);
}

START_TEST(families_are_named_as_the_format_wants) {
    check_families(EXPOSITION_TEXT, "# HELP a_total As.\n# TYPE a_total counter\n"
                                    "# HELP b Bs.\n# TYPE b gauge\n"
                                    "# HELP c_info Cs.\n# TYPE c_info gauge\n"
                                    "# HELP d Ds.\n# TYPE d histogram\n");
    check_families(EXPOSITION_OPENMETRICS, "# HELP a As.\n# TYPE a counter\n"
                                           "# HELP b Bs.\n# TYPE b gauge\n"
                                           "# HELP c Cs.\n# TYPE c info\n"
                                           "# HELP d Ds.\n# TYPE d histogram\n# EOF\n");
}
END_TEST

int main(void) {
    return RUN_TESTS("exposition", labels_hold_any_bytes, samples_have_labels_or_none,
                     families_are_named_as_the_format_wants);
}
