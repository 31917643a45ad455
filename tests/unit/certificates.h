// Certificates of the unit tests: made when a test begins, in a folder of its own.
#pragma once

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include "conf/tls_context.h"
#include "helpers.h"

static char certificates_folder[64];
static char certificates_file[80]; // stands for the file of the configuration

struct certificate {
    EVP_PKEY *key;
    X509 *cert;
};

struct certificate_order {
    const char *subject;             // the common name
    const char *names;               // as "DNS:a,IP:127.0.0.1"; NULL: none
    const struct certificate *maker; // NULL: itself
    bool is_authority, has_expired;
};

static inline void add_extension(X509 *cert, int kind, const char *value) {
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, kind, value);
    ck_assert_ptr_nonnull(extension);
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
}

static inline struct certificate certificate_make(struct certificate_order order) {
    static long serial = 1;
    struct certificate made = {EVP_EC_gen("P-256"), X509_new()};
    X509_NAME *name = X509_get_subject_name(made.cert);
    const struct certificate *maker = order.maker ? order.maker : &made;
    X509_set_version(made.cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.cert), serial++);
    X509_gmtime_adj(X509_getm_notBefore(made.cert), -7200);
    X509_gmtime_adj(X509_getm_notAfter(made.cert), order.has_expired ? -3600 : 3600);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)order.subject, -1,
                               -1, 0);
    X509_set_issuer_name(made.cert, X509_get_subject_name(maker->cert));
    X509_set_pubkey(made.cert, made.key);
    if (order.is_authority)
        add_extension(made.cert, NID_basic_constraints, "critical,CA:TRUE");
    if (order.names)
        add_extension(made.cert, NID_subject_alt_name, order.names);
    ck_assert_int_gt(X509_sign(made.cert, maker->key, EVP_sha256()), 0);
    return made;
}

// Writes NAME.crt and NAME.key into the folder.
static inline void certificate_write(const struct certificate *c, const char *folder,
                                     const char *name) {
    char path[256];
    snprintf(path, sizeof(path), "%s/%s.crt", folder, name);
    FILE *file = fopen(path, "w");
    ck_assert(file && PEM_write_X509(file, c->cert));
    fclose(file);
    snprintf(path, sizeof(path), "%s/%s.key", folder, name);
    file = fopen(path, "w");
    ck_assert(file && PEM_write_PrivateKey(file, c->key, NULL, NULL, 0, NULL, NULL));
    fclose(file);
}

static inline void certificate_free(struct certificate *c) {
    EVP_PKEY_free(c->key);
    X509_free(c->cert);
}

static inline void certificate_put(const char *name, struct certificate_order order) {
    struct certificate c = certificate_make(order);
    certificate_write(&c, certificates_folder, name);
    certificate_free(&c);
}

// Those that the tests use: "ca" has made "server", "expired" and "client"; "foreign" is alone.
static inline void certificates_begin(void) {
    strcpy(certificates_folder, "/tmp/test_tls.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(certificates_folder));
    snprintf(certificates_file, sizeof(certificates_file), "%s/cachesd.ini", certificates_folder);
    struct certificate ca =
        certificate_make((struct certificate_order){.subject = "good CA", .is_authority = true});
    certificate_write(&ca, certificates_folder, "ca");
    certificate_put("foreign",
                    (struct certificate_order){.subject = "foreign CA", .is_authority = true});
    certificate_put("server",
                    (struct certificate_order){.subject = "server",
                                               .names = "DNS:redis.test,IP:127.0.0.1,IP:::1",
                                               .maker = &ca});
    certificate_put("expired", (struct certificate_order){.subject = "expired",
                                                          .names = "DNS:redis.test",
                                                          .maker = &ca,
                                                          .has_expired = true});
    certificate_put("client",
                    (struct certificate_order){.subject = "web",
                                               .names = "DNS:web.internal,URI:spiffe://a/web",
                                               .maker = &ca});
    certificate_free(&ca);
}

static inline void certificates_end(void) {
    static const char *const names[] = {"ca",     "foreign", "server", "expired",
                                        "client", "root",    "leaf",   "chain"};
    char path[128];
    for (size_t i = 0; i < COUNT(names); i++) {
        snprintf(path, sizeof(path), "%s/%s.crt", certificates_folder, names[i]);
        unlink(path);
        snprintf(path, sizeof(path), "%s/%s.key", certificates_folder, names[i]);
        unlink(path);
    }
    snprintf(path, sizeof(path), "%s/empty", certificates_folder);
    unlink(path);
    rmdir(certificates_folder);
}
