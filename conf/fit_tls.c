#include "conf/fit_tls.h"

#include <arpa/inet.h>

#include "conf/address.h"
#include "conf/origins.h"
#include "conf/schema.h"
#include "conf/tls_context.h"
#include "conf/url.h"
#include "protocol/bytes.h"

// A section whose options name the files.
struct place {
    const struct section_conf *common;
    enum section section;
    const char *ca, *cert, *key; // the options
    struct problems *problems;
};

static int line_of(const struct place *p, const char *option) {
    return schema_line(p->common, p->section, option);
}

static void tell(const struct place *p, struct tls_fault *fault) {
    const char *const options[] = {p->ca, p->cert, p->key, "tls_ciphers"};
    const char *option = options[fault->part];
    problems_add(p->problems, line_of(p, option), "%s: %.*s", option, (int)fault->text.len,
                 fault->text.data);
    bytes_deinit(&fault->text);
}

// A certificate and its key are of use only together.
static bool has_both(const struct place *p, const struct tls_files *files) {
    const char *given = *files->cert ? p->cert : p->key, *other = *files->cert ? p->key : p->cert;
    if (!*files->cert == !*files->key)
        return true;
    problems_add(p->problems, line_of(p, given), "%s needs %s beside it", given, other);
    return false;
}

// The file is good all the same: whoever does not check may go on.
static void look_at_end(const struct place *p, const SSL_CTX *ssl) {
    const X509 *cert = SSL_CTX_get0_certificate(ssl);
    if (cert && X509_cmp_current_time(X509_get0_notAfter(cert)) < 0)
        problems_warn(p->problems, line_of(p, p->cert), "%s: the certificate has expired", p->cert);
}

// Certificates are for names and numbers, never for a port or a URL.
static bool is_name_or_number(const char *text) {
    struct in6_addr number;
    return inet_pton(AF_INET6, text, &number) == 1 || !strpbrk(text, ":/[] ");
}

bool fit_tls_is_used(const struct backend_conf *b) {
    return b->url.is_tls || (b->url.kind == URL_SENTINEL && b->sentinel_tls == SENTINEL_TLS_YES);
}

// The system's may be a file and a folder, and be named by the environment.
static void note_authorities(struct origins *origins, const struct tls_files *files) {
    if (*files->ca) {
        origins_add_secret(origins, files->ca, files->beside);
        return;
    }
    struct tls_system_authorities system = tls_system_authorities();
    origins_add_file(origins, system.file);
    origins_add_file(origins, system.folder);
}

static void note_own(struct origins *origins, const struct tls_files *files) {
    if (*files->cert) {
        origins_add_secret(origins, files->cert, files->beside);
        origins_add_secret(origins, files->key, files->beside);
    }
}

void fit_tls_client(struct backend_conf *b, struct origins *origins, struct problems *problems) {
    struct place place = {&b->common, SECTION_BACKEND, "tls_ca", "tls_cert", "tls_key", problems};
    struct tls_files files = {b->tls_ca, b->tls_cert, b->tls_key,
                              problems_file(problems, b->common.line)};
    struct tls_fault fault = {0};
    if (!is_name_or_number(b->tls_server_name))
        problems_add(problems, line_of(&place, "tls_server_name"),
                     "tls_server_name: '%s' is wrong: use a name or a number alone, as "
                     "redis.internal",
                     b->tls_server_name);
    if (!has_both(&place, &files))
        return;
    note_own(origins, &files);
    if (b->tls_verify != TLS_VERIFY_NO || *b->tls_ca)
        note_authorities(origins, &files);
    b->tls = tls_client_new(&files, (enum tls_verify)b->tls_verify, (enum tls_version)b->tls_min,
                            b->tls_ciphers, b->tls_server_name, &fault);
    if (b->tls)
        look_at_end(&place, b->tls->ssl);
    else
        tell(&place, &fault);
}

// Returns the line of the first address with TLS; -1: there is none.
static int tls_line(const struct settings *s) {
    for (size_t i = 0; i < settings_listens_count(s); i++) {
        const struct addresses *listens = settings_listens(s, i);
        for (size_t j = 0; j < listens->count; j++)
            if (listens->items[j].is_tls)
                return listens->items[j].line;
    }
    return -1;
}

void fit_tls_server(struct settings *settings, struct problems *problems) {
    struct daemon_conf *d = &settings->daemon;
    struct place place = {&d->common, SECTION_CACHESD, "tls_client_ca",
                          "tls_cert", "tls_key",       problems};
    struct tls_files files = {d->tls_client_ca, d->tls_cert, d->tls_key,
                              problems_file(problems, d->common.line)};
    struct tls_fault fault = {0};
    int line = tls_line(settings);
    if (line < 0 || !has_both(&place, &files))
        return;
    if (!*d->tls_cert) {
        problems_add(problems, line, "listen: tls: needs tls_cert and tls_key");
    } else if (d->tls_client != TLS_ASK_NO && !*d->tls_client_ca) {
        problems_add(problems, line_of(&place, "tls_client"),
                     "tls_client: certificates of clients need a tls_client_ca to be signed by");
    } else {
        note_own(&settings->origins, &files);
        if (d->tls_client != TLS_ASK_NO)
            note_authorities(&settings->origins, &files);
        d->tls = tls_server_new(&files, (enum tls_ask)d->tls_client, &fault);
        if (d->tls)
            look_at_end(&place, d->tls->ssl);
        else
            tell(&place, &fault);
    }
}
