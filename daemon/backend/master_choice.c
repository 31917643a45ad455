#include "daemon/backend/master_choice.h"

#include "protocol/mem.h"

static void set_host(struct url_host *to, struct url_host from) {
    mem_free(to->host);
    *to = (struct url_host){mem_text(from.host), from.port};
}

static bool is_host(const struct url_host *a, const struct url_host *b) {
    return a->host && b->host && url_is_same_host(a, b);
}

void master_choice_init(struct master_choice *c, size_t sentinels, uint64_t now_ms) {
    *c = (struct master_choice){.count = sentinels, .since_ms = now_ms};
    c->words = mem_new(sentinels * sizeof(*c->words));
}

void master_choice_deinit(struct master_choice *c) {
    for (size_t i = 0; i < c->count; i++)
        mem_free(c->words[i].said.host);
    for (size_t i = 0; i < CHOICE_LEFT_MOST; i++)
        mem_free(c->left[i].host.host);
    mem_free(c->words);
    mem_free(c->master.host);
    *c = (struct master_choice){0};
}

// --- votes ------------------------------------------------------------------------------------

// Returns how many sentinels name this one now.
static size_t count_votes(const struct master_choice *c, const struct url_host *host) {
    size_t votes = 0;
    for (size_t i = 0; i < c->count; i++)
        votes += c->words[i].has_answered && is_host(&c->words[i].said, host);
    return votes;
}

static bool has_majority(const struct master_choice *c, const struct url_host *host) {
    return 2 * count_votes(c, host) > c->count;
}

// Returns the master that most sentinels name, of several the one named first; NULL: they name
// none.
static const struct url_host *find_favourite(const struct master_choice *c) {
    const struct url_host *favourite = NULL;
    size_t most = 0;
    for (size_t i = 0; i < c->count; i++) {
        size_t votes = count_votes(c, &c->words[i].said);
        if (votes > most) {
            most = votes;
            favourite = &c->words[i].said;
        }
    }
    return favourite;
}

static size_t count_answers(const struct master_choice *c) {
    size_t answers = 0;
    for (size_t i = 0; i < c->count; i++)
        answers += c->words[i].has_answered;
    return answers;
}

// --- decisions --------------------------------------------------------------------------------

static bool was_left_lately(const struct master_choice *c, const struct url_host *host,
                            uint64_t now_ms) {
    for (size_t i = 0; i < CHOICE_LEFT_MOST; i++)
        if (is_host(&c->left[i].host, host) && now_ms - c->left[i].left_ms < CHOICE_LEFT_MS)
            return true;
    return false;
}

static bool take(struct master_choice *c, const struct url_host *host, uint64_t now_ms) {
    if (c->master.host) {
        struct choice_left *left = &c->left[c->left_at++ % CHOICE_LEFT_MOST];
        mem_free(left->host.host);
        *left = (struct choice_left){c->master, now_ms};
        c->master.host = NULL;
        c->switches++;
    }
    set_host(&c->master, *host);
    c->since_ms = now_ms;
    c->doubt_ms = 0;
    return true;
}

static bool begin(struct master_choice *c, uint64_t now_ms) {
    const struct url_host *favourite = find_favourite(c);
    bool is_time = 2 * count_answers(c) > c->count || now_ms - c->since_ms >= CHOICE_START_MS;
    return is_time && favourite && take(c, favourite, now_ms);
}

// Notes what a sentinel says. Returns whether that is a reason to leave the present master.
static bool note_word(struct master_choice *c, struct choice_word *word, struct slice host,
                      int port, bool is_down) {
    struct url_host before = word->said;
    word->has_answered = true;
    word->said = (struct url_host){host.len > 0 ? mem_text_of(host.data, host.len) : NULL, port};
    // The first word is that of one who comes late, and may know less than the others.
    bool is_reason =
        before.host ? !is_host(&before, &word->said) : is_down || has_majority(c, &word->said);
    mem_free(before.host);
    return word->said.host && is_reason;
}

bool master_choice_hear(struct master_choice *c, size_t sentinel, struct slice host, int port,
                        bool is_switch, bool is_down, uint64_t now_ms) {
    struct choice_word *word = &c->words[sentinel];
    bool is_reason = note_word(c, word, host, port, is_down) || is_switch;
    if (!c->master.host)
        return begin(c, now_ms);
    if (!is_reason || is_host(&word->said, &c->master))
        return false;
    if (was_left_lately(c, &word->said, now_ms) && !has_majority(c, &word->said))
        return false;
    return take(c, &word->said, now_ms);
}

void master_choice_lose(struct master_choice *c, size_t sentinel) {
    c->words[sentinel].has_answered = false;
}

bool master_choice_is_doubtful(const struct master_choice *c) {
    const struct url_host *favourite = find_favourite(c);
    return c->master.host && count_votes(c, &c->master) == 0 && favourite &&
           has_majority(c, favourite);
}

static void note_doubt(struct master_choice *c, uint64_t now_ms) {
    if (!master_choice_is_doubtful(c))
        c->doubt_ms = 0;
    else if (c->doubt_ms == 0)
        c->doubt_ms = now_ms;
}

bool master_choice_look(struct master_choice *c, bool is_down, uint64_t now_ms) {
    if (!c->master.host)
        return begin(c, now_ms);
    note_doubt(c, now_ms);
    bool is_given_up = (is_down && now_ms - c->since_ms >= CHOICE_DOUBT_MS) ||
                       (c->doubt_ms > 0 && now_ms - c->doubt_ms >= CHOICE_DOUBT_MS);
    const struct url_host *favourite = find_favourite(c);
    return is_given_up && favourite && has_majority(c, favourite) &&
           !is_host(favourite, &c->master) && take(c, favourite, now_ms);
}
