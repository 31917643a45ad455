#include "daemon/admin/settings_verb.h"

#include "conf/schema.h"
#include "conf/sections.h"
#include "conf/settings.h"
#include "conf/shown.h"
#include "daemon/policy/identity.h"
#include "daemon/policy/policy.h"
#include "daemon/request/context.h"
#include "daemon/request/request.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/refusal.h"
#include "protocol/reply.h"

struct listing {
    struct bytes text;
    struct bytes value; // of one option
    const struct settings *settings;
    const struct identity *identity;
    const struct verb_table *verbs;
    bool has_word;     // otherwise all options are listed
    struct slice word; // a kind of section, the name of a section, or a part of an option's name
    bool is_section;   // a kind of section
};

// --- which options ----------------------------------------------------------------------------

static bool is_section(struct slice word) {
    for (int i = 0; i < SECTION_COUNT; i++)
        if (slice_equal(word, slice_of(section_name((enum section)i))))
            return true;
    return false;
}

static bool is_wanted(const struct listing *l, const struct option_row *row, const char *name) {
    if (!l->has_word)
        return true;
    if (l->is_section)
        return slice_equal(l->word, slice_of(section_name(row->section)));
    return slice_equal(l->word, slice_of(name)) ||
           (l->word.len > 0 && memmem(row->name, strlen(row->name), l->word.data, l->word.len));
}

// A user sees only the backends of its own namespaces.
static bool may_see_backend(const struct listing *l, size_t backend) {
    bool may_see = identity_is_admin(l->identity);
    for (size_t i = 0; i < l->settings->namespace_count && !may_see; i++)
        may_see = l->settings->namespaces[i].backend == backend && identity_may_use(l->identity, i);
    return may_see;
}

static bool may_see_user(const struct listing *l, const struct user_conf *user) {
    return identity_is_admin(l->identity) || l->identity->user == user;
}

// --- their lines ------------------------------------------------------------------------------

// A url is always given: in the file, or in the environment.
static bool is_default(const struct option_row *row, const struct section_conf *common) {
    return row->type != TYPE_URL && !schema_is_given(common, row->section, row->name);
}

static void append_option(struct listing *l, const struct option_row *row, const char *name,
                          const struct section_conf *section) {
    l->value.len = 0;
    shown_append_value(&l->value, row, section, l->verbs);
    bytes_printf(&l->text, "section=%s name=%s option=%s value=", section_name(row->section), name,
                 row->name);
    bytes_append_readable(&l->text, bytes_slice(&l->value), SIZE_MAX);
    bytes_printf(&l->text, " default=%s restart=%s\n", is_default(row, section) ? "yes" : "no",
                 row->needs_restart ? "yes" : "no");
}

// `section` is the beginning of the section's struct; `name` is "" where a section has none.
static void append_section(struct listing *l, enum section kind, const char *name,
                           const struct section_conf *section) {
    for (size_t i = 0; i < schema_count; i++)
        if (schema[i].section == kind && is_wanted(l, &schema[i], name))
            append_option(l, &schema[i], name, section);
}

static void append_sections(struct listing *l) {
    const struct settings *s = l->settings;
    append_section(l, SECTION_CACHESD, "", &s->daemon.common);
    append_section(l, SECTION_HTTP, "", &s->http.common);
    // They name namespaces, of which a user sees its own alone.
    for (size_t i = 0; i < s->listener_count && !identity_is_limited(l->identity); i++)
        append_section(l, SECTION_LISTENER, s->listeners[i].name, &s->listeners[i].common);
    for (size_t i = 0; i < s->backend_count; i++)
        if (may_see_backend(l, i))
            append_section(l, SECTION_BACKEND, s->backends[i].name, &s->backends[i].common);
    for (size_t i = 0; i < s->namespace_count; i++)
        if (identity_may_use(l->identity, i))
            append_section(l, SECTION_NAMESPACE, s->namespaces[i].name, &s->namespaces[i].common);
    for (size_t i = 0; i < s->user_count; i++)
        if (may_see_user(l, &s->users[i]))
            append_section(l, SECTION_USER, s->users[i].name, &s->users[i].common);
}

// --- the verb ---------------------------------------------------------------------------------

static void refuse_word(struct request *r, struct slice word) {
    struct refusal *refusal = &r->context->refusal;
    struct bytes sections = {0};
    for (int i = 0; i < SECTION_COUNT; i++)
        bytes_printf(&sections, "%s, ", section_name((enum section)i));
    refusal_set(refusal, REPLY_ARGS,
                "no option here has '%.*s' in its name: use a part of an option's name, the name "
                "of a section, or %.*sfor all sections of a kind",
                REPLY_WORD(word), (int)sections.len, sections.data);
    bytes_deinit(&sections);
    request_fail_with(r, refusal);
}

void settings_verb_run(struct request *r, const struct call *call) {
    struct listing l = {.settings = r->context->policy->settings,
                        .identity = &r->session->identity,
                        .verbs = r->context->verbs,
                        .has_word = call->argc > 0};
    if (l.has_word) {
        l.word = call->args[0];
        l.is_section = is_section(l.word);
    }
    append_sections(&l);
    bytes_deinit(&l.value);
    if (l.text.len > 0 || !l.has_word || l.is_section)
        request_finish_text(r, &l.text);
    else
        refuse_word(r, l.word);
}
