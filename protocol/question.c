#include "protocol/question.h"

// Returns whether the option changes the answer; *value gets the option's value. The switch has no
// `default`, so that the compiler warns about a new option.
static bool changes_answer(const struct call *call, enum call_option option, int64_t *value) {
    switch (option) {
    case OPTION_ORDER: *value = call->is_descending; return call->is_descending;
    case OPTION_LIMIT: *value = call->limit; return true;
    case OPTION_COUNT: *value = call->count; return true;
    case OPTION_IF: *value = call->add_if; return true;
    case OPTION_TTL:   // of a write
    case OPTION_MATCH: // of an iteration over keys, which is never kept
    case OPTION_WAIT:  // how long the client waits for an answer, whatever it is
    case OPTIONS: break;
    }
    return false;
}

void question_add_options(struct question *q, const struct call *call) {
    for (int option = 0; option < OPTIONS; option++)
        if (call->options & 1u << option &&
            changes_answer(call, (enum call_option)option, &q->values[q->count])) {
            q->options |= (uint16_t)(1u << option);
            q->count++;
        }
}
