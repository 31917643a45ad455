#include "conf/certificate_fault.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <time.h>

#include "protocol/bytes.h"

enum { SHOWN_SIZE = 56 };

// Adds a word, which may have any bytes, to a list, if there is room for all of it.
static void add(char *list, const void *word, size_t len) {
    size_t had = strlen(list), begin = had > 0 ? had + 2 : 0;
    if (len == 0 || begin + len >= SHOWN_SIZE)
        return;
    if (had > 0)
        memcpy(list + had, ", ", 2);
    for (size_t i = 0; i < len; i++) {
        char c = ((const char *)word)[i];
        list[begin + i] = c >= ' ' && c <= '~' && c != '"' && c != '\\' ? c : '?';
    }
    list[begin + len] = '\0';
}

static void add_string(char *list, const ASN1_STRING *text) {
    add(list, ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text));
}

static void add_common_name(char *list, const X509_NAME *name) {
    int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    if (at >= 0)
        add_string(list, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
}

static void add_number(char *list, const ASN1_STRING *number) {
    char text[INET6_ADDRSTRLEN];
    int len = ASN1_STRING_length(number);
    if ((len == 4 || len == 16) &&
        inet_ntop(len == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(number), text, sizeof(text)))
        add(list, text, strlen(text));
}

// The common name counts only where there is no other: RFC 6125, 6.4.4.
static void add_hosts(char *list, const X509 *cert) {
    GENERAL_NAMES *all = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
        const GENERAL_NAME *one = sk_GENERAL_NAME_value(all, i);
        if (one->type == GEN_DNS)
            add_string(list, one->d.dNSName);
        else if (one->type == GEN_IPADD)
            add_number(list, one->d.iPAddress);
    }
    if (!all)
        add_common_name(list, X509_get_subject_name(cert));
    GENERAL_NAMES_free(all);
}

static void add_day(char *list, const ASN1_TIME *when) {
    struct tm day;
    char text[32];
    if (ASN1_TIME_to_tm(when, &day) == 1)
        add(list, text, strftime(text, sizeof(text), "%Y-%m-%d", &day));
}

static bool is_of_unknown_ca(int fault) {
    return fault == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT ||
           fault == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN ||
           fault == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
           fault == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
           fault == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE;
}

static void tell_distrust(char *text, size_t size, int fault, const X509 *cert,
                          const struct tls_terms *terms) {
    const char *why = X509_verify_cert_error_string(fault);
    char ca[SHOWN_SIZE] = "";
    add_common_name(ca, X509_get_issuer_name(cert));
    if (is_of_unknown_ca(fault))
        snprintf(text, size,
                 "TLS: the server's certificate is not to be trusted: is its CA, %s, in %s? (%s)",
                 *ca ? ca : "which has no name", terms->ca, why);
    else
        snprintf(text, size, "TLS: the server's certificate is not to be trusted: %s", why);
}

void certificate_fault_tell(char *text, size_t size, X509_STORE_CTX *check, const char *host,
                            const struct tls_terms *terms) {
    const X509 *cert = X509_STORE_CTX_get_current_cert(check);
    int fault = X509_STORE_CTX_get_error(check);
    bool is_of_ca = X509_STORE_CTX_get_error_depth(check) > 0;
    const char *whose = is_of_ca ? "a CA of the server's" : "the server's certificate";
    char shown[SHOWN_SIZE] = "";
    switch (fault) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        add_hosts(shown, cert);
        snprintf(text, size, "TLS: %s is not for %.40s%s, but for %s", whose, host, terms->name,
                 *shown ? shown : "another host");
        break;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        add_day(shown, X509_get0_notAfter(cert));
        snprintf(text, size, "TLS: %s has expired on %s", whose, shown);
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        add_day(shown, X509_get0_notBefore(cert));
        snprintf(text, size, "TLS: %s is not valid before %s (or is the clock wrong?)", whose,
                 shown);
        break;
    default: tell_distrust(text, size, fault, cert, terms);
    }
}
