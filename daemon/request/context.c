#include "daemon/request/context.h"

#include "daemon/near/store.h"
#include "protocol/call.h"
#include "protocol/mem.h"

struct slice *context_words(struct context *context, size_t count) {
    if (count > context->words_cap) {
        context->words_cap = count < 64 ? 64 : count;
        context->words = mem_resize(context->words, context->words_cap * sizeof(*context->words));
    }
    return context->words;
}

struct call_key_part *context_parts(struct context *context, size_t count) {
    if (count > context->parts_cap) {
        context->parts_cap = count;
        context->parts = mem_resize(context->parts, count * sizeof(*context->parts));
    }
    return context->parts;
}

void context_deinit(struct context *context) {
    answer_run_end(&context->run, &context->loop.flusher.clock);
    policy_unref(context->policy);
    slow_log_deinit(&context->slow);
    mem_free(context->words);
    mem_free(context->parts);
    refusal_deinit(&context->refusal);
    bytes_deinit(&context->question);
    mem_free(context->watch);
    near_store_free(context->loop.near);
}
