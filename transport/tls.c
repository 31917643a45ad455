#include "transport/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>

#include "conf/certificate_fault.h"
#include "protocol/mem.h"

enum { REASON_OF_ALERT = 1000 }; // SSL_R_… of an alert of the peer's is so much above its number

struct tls {
    SSL *ssl;
    struct tls_client *client; // NULL: the server's side
    char *name;                // that the server's certificate must be for
    const char *in;            // records that OpenSSL has not read: borrowed, or those of `kept`
    size_t in_len;
    struct bytes kept;
    struct bytes wire;
    enum tls_step end;  // TLS_DONE: neither side has ended it
    bool is_cert_asked; // the server wants a certificate of ours
    bool is_cert_refused;
    char trouble[160];
};

// --- records, as OpenSSL reads and writes them --------------------------------------------------

static BIO_METHOD *window; // one for all threads; never changed, and never freed

static int window_read(BIO *bio, char *to, int room) {
    struct tls *t = BIO_get_data(bio);
    size_t len = t->in_len < (size_t)room ? t->in_len : (size_t)room;
    BIO_clear_retry_flags(bio);
    if (len == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(to, t->in, len);
    t->in += len;
    t->in_len -= len;
    return (int)len;
}

static int window_write(BIO *bio, const char *data, int len) {
    struct tls *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    bytes_append(&t->wire, data, (size_t)len);
    return len;
}

static long window_control(BIO *bio, int command, long number, void *pointer) {
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static void make_window(void) {
    window = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "window");
    if (!window)
        mem_out();
    BIO_meth_set_read(window, window_read);
    BIO_meth_set_write(window, window_write);
    BIO_meth_set_ctrl(window, window_control);
}

// --- life -------------------------------------------------------------------------------------

// OpenSSL calls this when the server asks for a certificate of this side, if there is one or not.
static int on_cert_asked(SSL *ssl, void *of) {
    struct tls *t = of;
    (void)ssl;
    t->is_cert_asked = true;
    return 1;
}

// OpenSSL calls this for each certificate of the server's that it has looked at.
static int on_checked(int is_good, X509_STORE_CTX *check) {
    SSL *ssl = X509_STORE_CTX_get_ex_data(check, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls *t = BIO_get_data(SSL_get_rbio(ssl));
    if (!is_good)
        certificate_fault_tell(t->trouble, sizeof(t->trouble), check, t->name, t->client->terms);
    return is_good;
}

static struct tls *new_tls(SSL_CTX *context) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct tls *t = mem_new(sizeof(*t));
    pthread_once(&once, make_window);
    t->ssl = SSL_new(context);
    BIO *bio = BIO_new(window);
    if (!t->ssl || !bio)
        mem_out();
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    SSL_set_bio(t->ssl, bio, bio);
    return t;
}

static bool is_number(const char *host) {
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

// A server's name is told to it, so that it can choose its certificate; a number is not: RFC 6066.
static void expect(struct tls *t) {
    bool is_name = !is_number(t->name);
    if (is_name)
        SSL_set_tlsext_host_name(t->ssl, t->name);
    if (t->client->verify != TLS_VERIFY_FULL)
        return;
    X509_VERIFY_PARAM *rules = SSL_get0_param(t->ssl);
    X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if ((is_name ? X509_VERIFY_PARAM_set1_host(rules, t->name, 0)
                 : X509_VERIFY_PARAM_set1_ip_asc(rules, t->name)) != 1)
        mem_out();
}

struct tls *tls_new_client(struct tls_client *client, const char *host,
                           struct tls_session *session) {
    struct tls *t = new_tls(client->ssl);
    t->client = tls_client_ref(client);
    t->name = mem_text(client->server_name ? client->server_name : host);
    SSL_set_connect_state(t->ssl);
    SSL_set_cert_cb(t->ssl, on_cert_asked, t);
    if (client->verify != TLS_VERIFY_NO)
        SSL_set_verify(t->ssl, SSL_VERIFY_PEER, on_checked);
    expect(t);
    if (session) {
        tls_session_aim(session, client, t->name);
        SSL_set_app_data(t->ssl, session);
        if (session->ssl)
            SSL_set_session(t->ssl, session->ssl);
    }
    return t;
}

struct tls *tls_new_server(struct tls_server *server) {
    struct tls *t = new_tls(server->ssl);
    SSL_set_accept_state(t->ssl);
    return t;
}

void tls_free(struct tls *t) {
    if (!t)
        return;
    if (t->end != TLS_BROKEN) // otherwise OpenSSL would take the session for a bad one
        SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(t->ssl);
    tls_client_unref(t->client);
    bytes_deinit(&t->kept);
    bytes_deinit(&t->wire);
    mem_free(t->name);
    mem_free(t);
}

// --- trouble ----------------------------------------------------------------------------------

// The fault of a server's certificate was told when it was checked.
static void say_untrusted(struct tls *t, long fault) {
    if (!t->client)
        snprintf(t->trouble, sizeof(t->trouble), "TLS: the client's certificate: %s",
                 X509_verify_cert_error_string(fault));
}

// The peer has refused with an alert.
static void say_refused(struct tls *t, int alert, const char *reason) {
    bool is_about_cert = alert == SSL_AD_HANDSHAKE_FAILURE || alert == SSL_AD_BAD_CERTIFICATE ||
                         alert == SSL_AD_CERTIFICATE_REQUIRED;
    bool is_about_ours = alert >= SSL_AD_BAD_CERTIFICATE && alert <= SSL_AD_UNKNOWN_CA;
    t->is_cert_refused = t->client && t->is_cert_asked && (is_about_cert || is_about_ours);
    if (t->client && t->is_cert_asked && !t->client->has_cert && is_about_cert)
        snprintf(t->trouble, sizeof(t->trouble), "TLS: the server wants a client certificate (%s)",
                 t->client->terms->cert);
    else if (t->client && t->client->has_cert && is_about_ours)
        snprintf(t->trouble, sizeof(t->trouble), "TLS: the server refuses %s: %s",
                 t->client->terms->own, reason);
    else
        snprintf(t->trouble, sizeof(t->trouble), "TLS: the %s refuses: %s",
                 t->client ? "server" : "client", reason);
}

// Says in plain words what OpenSSL says in its own; returns false when those are good enough.
static bool say_plainly(struct tls *t, int why) {
    bool is_no_tls = why == SSL_R_WRONG_VERSION_NUMBER || why == SSL_R_HTTP_REQUEST;
    if (t->client && is_no_tls)
        snprintf(t->trouble, sizeof(t->trouble),
                 "the answer is not TLS: is this a TLS port? (%s is without TLS)",
                 t->client->terms->plain);
    else if (is_no_tls)
        snprintf(t->trouble, sizeof(t->trouble), "the client does not speak TLS");
    else if (why == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
        snprintf(t->trouble, sizeof(t->trouble), "TLS: the client shows no certificate");
    else
        return false;
    return true;
}

static void say_failed(struct tls *t) {
    unsigned long code = ERR_peek_error();
    int why = ERR_GET_REASON(code);
    const char *reason = ERR_reason_error_string(code);
    long fault = SSL_get_verify_result(t->ssl);
    reason = reason ? reason : "it broke off";
    if (ERR_GET_LIB(code) != ERR_LIB_SSL)
        snprintf(t->trouble, sizeof(t->trouble), "TLS: %s", reason);
    else if (why == SSL_R_CERTIFICATE_VERIFY_FAILED && fault != X509_V_OK)
        say_untrusted(t, fault);
    else if (why > REASON_OF_ALERT)
        say_refused(t, why - REASON_OF_ALERT, reason);
    else if (!say_plainly(t, why))
        snprintf(t->trouble, sizeof(t->trouble), "TLS: %s", reason);
}

const char *tls_trouble(const struct tls *t) { return t->trouble; }

bool tls_is_cert_refused(const struct tls *t) { return t->is_cert_refused; }

// Says how far a call came that OpenSSL has not ended well.
static enum tls_step step_of(struct tls *t, int result) {
    switch (SSL_get_error(t->ssl, result)) {
    case SSL_ERROR_WANT_READ: return TLS_WANTS;
    case SSL_ERROR_ZERO_RETURN: return t->end = TLS_ENDED;
    default: say_failed(t); return t->end = TLS_BROKEN;
    }
}

// --- the work ---------------------------------------------------------------------------------

void tls_feed(struct tls *t, const char *records, size_t len) {
    if (t->in_len == 0) {
        bytes_deinit(&t->kept);
        t->in = records;
        t->in_len = len;
        return;
    }
    tls_keep(t);
    bytes_append(&t->kept, records, len);
    t->in = t->kept.data;
    t->in_len = t->kept.len;
}

void tls_keep(struct tls *t) {
    bool is_kept = t->kept.len > 0;
    if (t->in_len == 0) {
        bytes_deinit(&t->kept);
        return;
    }
    if (is_kept)
        bytes_consume(&t->kept, t->kept.len - t->in_len);
    else
        bytes_append(&t->kept, t->in, t->in_len);
    t->in = t->kept.data;
}

bool tls_has_rest(const struct tls *t) {
    return t->in_len > 0 || t->end != TLS_DONE || SSL_has_pending(t->ssl);
}

enum tls_step tls_shake(struct tls *t) {
    ERR_clear_error();
    int result = SSL_do_handshake(t->ssl);
    return result == 1 ? TLS_DONE : step_of(t, result);
}

enum tls_step tls_read(struct tls *t, char *to, size_t room, size_t *got) {
    *got = 0;
    while (*got < room) {
        size_t len;
        if (t->end != TLS_DONE)
            return t->end;
        ERR_clear_error();
        int result = SSL_read_ex(t->ssl, to + *got, room - *got, &len);
        if (result != 1)
            return step_of(t, result);
        *got += len;
        if (t->in_len == 0 && !SSL_has_pending(t->ssl)) // spares a call that would find nothing
            return TLS_WANTS;
    }
    return TLS_DONE;
}

bool tls_seal(struct tls *t, struct slice plain) {
    while (plain.len > 0) {
        size_t taken;
        ERR_clear_error();
        int result = SSL_write_ex(t->ssl, plain.data, plain.len, &taken);
        if (result != 1) {
            if (!*t->trouble)
                say_failed(t);
            t->end = TLS_BROKEN;
            return false;
        }
        plain = (struct slice){plain.data + taken, plain.len - taken};
    }
    return true;
}

void tls_say_end(struct tls *t) {
    ERR_clear_error();
    if (t->end != TLS_BROKEN && SSL_is_init_finished(t->ssl))
        SSL_shutdown(t->ssl);
}

struct bytes *tls_wire(struct tls *t) {
    return &t->wire;
}

bool tls_is_resumed(const struct tls *t) { return SSL_session_reused(t->ssl); }

// --- the peer ---------------------------------------------------------------------------------

// A name with a zero byte in it could pass for another one.
static void append_name(struct bytes *names, const ASN1_STRING *name) {
    size_t len = (size_t)ASN1_STRING_length(name);
    const unsigned char *data = ASN1_STRING_get0_data(name);
    if (len == 0 || memchr(data, 0, len))
        return;
    bytes_append(names, data, len);
    bytes_append(names, "", 1);
}

static void append_alternatives(struct bytes *names, X509 *cert) {
    GENERAL_NAMES *all = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
        const GENERAL_NAME *one = sk_GENERAL_NAME_value(all, i);
        if (one->type == GEN_DNS || one->type == GEN_URI)
            append_name(names, one->d.ia5);
    }
    GENERAL_NAMES_free(all);
}

static void append_common_name(struct bytes *names, X509 *cert) {
    const X509_NAME *subject = X509_get_subject_name(cert);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    unsigned char *text = NULL;
    if (at < 0)
        return;
    int len =
        ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (len > 0 && !memchr(text, 0, (size_t)len)) {
        bytes_append(names, text, (size_t)len);
        bytes_append(names, "", 1);
    }
    OPENSSL_free(text);
}

void tls_append_peer_names(const struct tls *t, struct bytes *names) {
    X509 *cert = SSL_get0_peer_certificate(t->ssl);
    if (!cert || SSL_get_verify_result(t->ssl) != X509_V_OK)
        return;
    append_alternatives(names, cert);
    append_common_name(names, cert);
    ERR_clear_error();
}
