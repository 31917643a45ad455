#include "client/bench/report.h"

#include <inttypes.h>
#include <stdio.h>

static void print_watched(const struct report *r, int i) {
    const struct cpu *begin = &r->begin[i], *end = &r->end[i];
    printf("%s{\"pid\": %d, \"cpu_ns\": %" PRIu64 ", \"user_ticks\": %" PRIu64
           ", \"system_ticks\": %" PRIu64 "}",
           i > 0 ? ", " : "", (int)r->watched[i], end->total_ns - begin->total_ns,
           end->user_ticks - begin->user_ticks, end->system_ticks - begin->system_ticks);
}

static void print_text(const char *text) {
    for (; *text; text++)
        putchar(*text < ' ' || *text > '~' || *text == '"' || *text == '\\' ? '?' : *text);
}

static double percentile_us(const struct histogram *h, double share) {
    return (double)histogram_percentile(h, share) / 1000;
}

void report_print(const struct report *r) {
    printf("{\"requests\": %" PRIu64 ", \"seconds\": %.6f, \"rate\": %.1f", r->requests, r->seconds,
           (double)r->requests / r->seconds);
    printf(", \"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, \"max_us\": %.1f",
           percentile_us(r->latency, 0.5), percentile_us(r->latency, 0.99),
           percentile_us(r->latency, 0.999), (double)r->latency->max / 1000);
    printf(", \"sent_late_p99_us\": %.1f", percentile_us(r->lateness, 0.99));
    printf(", \"own_cpu_ns\": %" PRIu64 ", \"watched\": [", r->own_cpu_ns);
    for (int i = 0; i < r->watched_count; i++)
        print_watched(r, i);
    printf("], \"answered\": %" PRIu64 ", \"nils\": %" PRIu64 ", \"errors\": %" PRIu64
           ", \"first_error\": \"",
           r->answered, r->seen->nils, r->seen->errors);
    print_text(r->seen->first_error);
    printf("\"}\n");
}
