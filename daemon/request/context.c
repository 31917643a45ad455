#include "daemon/request/context.h"

#include "daemon/near/store.h"
#include "protocol/mem.h"

struct slice *context_words(struct context *context, size_t count) {
    if (count > context->words_cap) {
        context->words_cap = count < 64 ? 64 : count;
        context->words = mem_resize(context->words, context->words_cap * sizeof(*context->words));
    }
    return context->words;
}

void context_deinit(struct context *context) {
    answer_run_end(&context->run, &context->loop.flusher.clock);
    policy_unref(context->policy);
    slow_log_deinit(&context->slow);
    mem_free(context->words);
    refusal_deinit(&context->refusal);
    bytes_deinit(&context->question);
    mem_free(context->watch);
    near_store_free(context->loop.near);
}
