// Certificate fault: a certificate and what its check has found → the text for people.
#include "conf/certificate_fault.h"

#include "certificates.h"

static const struct tls_terms terms = {
    .ca = "tls_ca", .name = " (tls_server_name)", .plain = "redis://"};

static void check_told(X509 *cert, int fault, int depth, const char *wanted) {
    char text[400];
    X509_STORE_CTX *check = X509_STORE_CTX_new();
    X509_STORE_CTX_set_current_cert(check, cert);
    X509_STORE_CTX_set_error(check, fault);
    X509_STORE_CTX_set_error_depth(check, depth);
    certificate_fault_tell(text, sizeof(text), check, "h.test", &terms);
    X509_STORE_CTX_free(check);
    ck_assert_str_eq(text, wanted);
}

static void remove_common_name(X509_NAME *name) {
    X509_NAME_ENTRY_free(X509_NAME_delete_entry(name, 0));
}

#define IS_NOT "TLS: the server's certificate is not for h.test (tls_server_name), but for "

START_TEST(the_hosts_that_it_is_for_are_named) {
    static const struct {
        const char *names, *wanted;
    } rows[] = {
        {"DNS:a.test", IS_NOT "a.test"},
        {"DNS:a.test,DNS:b.test,IP:10.0.0.1,IP:::1", IS_NOT "a.test, b.test, 10.0.0.1, ::1"},
        {"email:a@b.test,DNS:a.test,URI:spiffe://a/b", IS_NOT "a.test"},
        {"email:a@b.test", IS_NOT "another host"}, // the common name does not count beside it
        {NULL, IS_NOT "the name"},
        // What has no room is left out.
        {"DNS:a.test,DNS:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.test,DNS:b.test",
         IS_NOT "a.test, b.test"},
        {"DNS:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.test",
         IS_NOT "another host"},
        {"DNS:a\"b\\c\x7f\x01\xc3.test", IS_NOT "a?b?c???.test"}, // shown in logs
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct certificate c = certificate_make(
            (struct certificate_order){.subject = "the name", .names = rows[i].names});
        check_told(c.cert, X509_V_ERR_HOSTNAME_MISMATCH, 0, rows[i].wanted);
        check_told(c.cert, X509_V_ERR_IP_ADDRESS_MISMATCH, 0, rows[i].wanted);
        certificate_free(&c);
    }
}
END_TEST

START_TEST(one_without_any_name_is_for_another_host) {
    struct certificate c = certificate_make((struct certificate_order){.subject = "x"});
    remove_common_name(X509_get_subject_name(c.cert));
    check_told(c.cert, X509_V_ERR_HOSTNAME_MISMATCH, 0, IS_NOT "another host");
    certificate_free(&c);
}
END_TEST

START_TEST(days_are_those_of_the_certificate) {
    struct certificate c = certificate_make((struct certificate_order){.subject = "x"});
    ASN1_TIME_set_string(X509_getm_notBefore(c.cert), "20310102030405Z");
    ASN1_TIME_set_string(X509_getm_notAfter(c.cert), "20320102030405Z");
    check_told(c.cert, X509_V_ERR_CERT_HAS_EXPIRED, 0,
               "TLS: the server's certificate has expired on 2032-01-02");
    check_told(c.cert, X509_V_ERR_CERT_HAS_EXPIRED, 1,
               "TLS: a CA of the server's has expired on 2032-01-02");
    check_told(c.cert, X509_V_ERR_CERT_NOT_YET_VALID, 0,
               "TLS: the server's certificate is not valid before 2031-01-02 (or is the clock "
               "wrong?)");
    check_told(c.cert, X509_V_ERR_CERT_NOT_YET_VALID, 2,
               "TLS: a CA of the server's is not valid before 2031-01-02 (or is the clock wrong?)");
    certificate_free(&c);
}
END_TEST

#define DISTRUST "TLS: the server's certificate is not to be trusted: "

START_TEST(an_unknown_ca_is_named_and_where_it_is_sought) {
    static const int faults[] = {
        X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
        X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,
        X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE};
    struct certificate c = certificate_make((struct certificate_order){.subject = "the CA"});
    char wanted[200];
    for (size_t i = 0; i < COUNT(faults); i++) {
        snprintf(wanted, sizeof(wanted), DISTRUST "is its CA, the CA, in tls_ca? (%s)",
                 X509_verify_cert_error_string(faults[i]));
        check_told(c.cert, faults[i], 0, wanted);
    }
    remove_common_name(X509_get_issuer_name(c.cert));
    snprintf(wanted, sizeof(wanted), DISTRUST "is its CA, which has no name, in tls_ca? (%s)",
             X509_verify_cert_error_string(faults[0]));
    check_told(c.cert, faults[0], 0, wanted);
    snprintf(wanted, sizeof(wanted), DISTRUST "%s",
             X509_verify_cert_error_string(X509_V_ERR_CERT_SIGNATURE_FAILURE));
    check_told(c.cert, X509_V_ERR_CERT_SIGNATURE_FAILURE, 0, wanted);
    certificate_free(&c);
}
END_TEST

int main(void) {
    return RUN_TESTS("certificate_fault", the_hosts_that_it_is_for_are_named,
                     one_without_any_name_is_for_another_host, days_are_those_of_the_certificate,
                     an_unknown_ca_is_named_and_where_it_is_sought);
}
