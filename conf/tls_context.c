#include "conf/tls_context.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "conf/file.h"
#include "protocol/mem.h"

static bool refuse(struct tls_fault *fault, enum tls_part part, const char *why) {
    fault->part = part;
    bytes_append_slice(&fault->text, slice_of(why));
    return false;
}

// Appends the reason that OpenSSL gives for its last failure, if it gives one.
static bool refuse_as_told(struct tls_fault *fault, enum tls_part part, const char *why) {
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    refuse(fault, part, why);
    if (reason)
        bytes_printf(&fault->text, ": %s", reason);
    ERR_clear_error();
    return false;
}

// --- files ------------------------------------------------------------------------------------

// Reads a file into a BIO, which is NULL when that fails. The bytes must live as long as the BIO.
static BIO *open_file(const char *path, const char *beside, struct bytes *text, enum tls_part part,
                      struct tls_fault *fault) {
    int error = file_read_secret(path, beside, text);
    if (error) {
        fault->part = part;
        bytes_printf(&fault->text, "can't read '%s': %s", path, strerror(error));
        return NULL;
    }
    BIO *bio = BIO_new_mem_buf(text->data ? text->data : "", (int)text->len);
    if (!bio)
        mem_out();
    return bio;
}

static void close_file(BIO *bio, struct bytes *text) {
    BIO_free(bio);
    if (text->len > 0)
        OPENSSL_cleanse(text->data, text->len);
    bytes_deinit(text);
    ERR_clear_error();
}

// A daemon has nobody to ask for a passphrase.
static int has_no_passphrase(char *to, int size, int is_writing, void *unused) {
    (void)to;
    (void)size;
    (void)is_writing;
    (void)unused;
    return -1;
}

static bool take_chain(SSL_CTX *ssl, BIO *bio, struct tls_fault *fault) {
    X509 *cert = PEM_read_bio_X509_AUX(bio, NULL, has_no_passphrase, NULL);
    if (!cert)
        return refuse(fault, TLS_PART_CERT, "there is no certificate in the file (PEM)");
    bool is_good = SSL_CTX_use_certificate(ssl, cert) == 1;
    X509_free(cert);
    while (is_good && (cert = PEM_read_bio_X509(bio, NULL, has_no_passphrase, NULL)))
        if (SSL_CTX_add0_chain_cert(ssl, cert) != 1) {
            X509_free(cert);
            is_good = false;
        }
    return is_good || refuse_as_told(fault, TLS_PART_CERT, "the certificate can't be used");
}

static bool take_key(SSL_CTX *ssl, BIO *bio, struct tls_fault *fault) {
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, has_no_passphrase, NULL);
    if (!key)
        return refuse(fault, TLS_PART_KEY,
                      "there is no private key in the file (PEM, without a passphrase)");
    ERR_clear_error();
    bool is_good = SSL_CTX_use_PrivateKey(ssl, key) == 1 && SSL_CTX_check_private_key(ssl) == 1;
    EVP_PKEY_free(key);
    return is_good || refuse_as_told(fault, TLS_PART_KEY, "it is not the key of the certificate");
}

static bool load_own(SSL_CTX *ssl, const struct tls_files *files, struct tls_fault *fault) {
    struct bytes text = {0};
    BIO *bio = open_file(files->cert, files->beside, &text, TLS_PART_CERT, fault);
    bool is_good = bio && take_chain(ssl, bio, fault);
    close_file(bio, &text);
    if (!is_good)
        return false;
    bio = open_file(files->key, files->beside, &text, TLS_PART_KEY, fault);
    is_good = bio && take_key(ssl, bio, fault);
    close_file(bio, &text);
    return is_good;
}

// OpenSSL reads a certificate's extensions when it first needs them, under a lock that the thread
// sanitizer can't follow. Here no other thread knows the certificate yet.
static void read_extensions(X509 *cert) { X509_check_purpose(cert, -1, 0); }

static bool take_authorities(SSL_CTX *ssl, BIO *bio, struct tls_fault *fault) {
    X509_STORE *store = SSL_CTX_get_cert_store(ssl);
    X509 *cert;
    size_t count = 0;
    while ((cert = PEM_read_bio_X509_AUX(bio, NULL, has_no_passphrase, NULL))) {
        read_extensions(cert);
        count += X509_STORE_add_cert(store, cert) == 1 && SSL_CTX_add_client_CA(ssl, cert) == 1;
        X509_free(cert);
    }
    ERR_clear_error();
    return count > 0 || refuse(fault, TLS_PART_CA, "there is no certificate in the file (PEM)");
}

// Returns whether the path is a folder, looked for as files are that stand beside the
// configuration; then *path is where it is.
static bool is_folder(const struct tls_files *files, struct bytes *path) {
    const char *slash = files->beside ? strrchr(files->beside, '/') : NULL;
    struct stat found;
    if (*files->ca != '/' && slash)
        bytes_append(path, files->beside, (size_t)(slash + 1 - files->beside));
    bytes_append(path, files->ca, strlen(files->ca) + 1);
    return stat(path->data, &found) == 0 && S_ISDIR(found.st_mode);
}

// OpenSSL looks for a certificate by a hash of its owner's name: HHHHHHHH.N.
static bool has_hashed(DIR *folder) {
    const struct dirent *entry;
    bool is_found = false;
    while (!is_found && (entry = readdir(folder)))
        is_found = strspn(entry->d_name, "0123456789abcdef") == 8 && entry->d_name[8] == '.';
    return is_found;
}

static bool use_folder(SSL_CTX *ssl, const char *path, struct tls_fault *fault) {
    DIR *folder = opendir(path);
    if (!folder)
        return refuse(fault, TLS_PART_CA, strerror(errno));
    bool is_of_use = has_hashed(folder);
    closedir(folder);
    if (!is_of_use)
        return refuse(fault, TLS_PART_CA,
                      "there is no certificate in the folder under a name that OpenSSL looks for: "
                      "run openssl rehash on it");
    return SSL_CTX_load_verify_dir(ssl, path) == 1 ||
           refuse_as_told(fault, TLS_PART_CA, "the folder can't be used");
}

static bool load_authorities(SSL_CTX *ssl, const struct tls_files *files, struct tls_fault *fault) {
    struct bytes text = {0}, path = {0};
    if (!*files->ca)
        return SSL_CTX_set_default_verify_paths(ssl) == 1 ||
               refuse_as_told(fault, TLS_PART_CA, "the system's certificates can't be read");
    bool is_good;
    if (is_folder(files, &path)) {
        is_good = use_folder(ssl, path.data, fault);
    } else {
        BIO *bio = open_file(files->ca, files->beside, &text, TLS_PART_CA, fault);
        is_good = bio && take_authorities(ssl, bio, fault);
        close_file(bio, &text);
    }
    bytes_deinit(&path);
    return is_good;
}

struct tls_system_authorities tls_system_authorities(void) {
    const char *file = getenv(X509_get_default_cert_file_env());
    const char *folder = getenv(X509_get_default_cert_dir_env());
    return (struct tls_system_authorities){file ? file : X509_get_default_cert_file(),
                                           folder ? folder : X509_get_default_cert_dir()};
}

// --- sessions ---------------------------------------------------------------------------------

// A server may send a session late, when the settings have changed meanwhile.
static int on_session(SSL *ssl, SSL_SESSION *made) {
    struct tls_session *session = SSL_get_app_data(ssl);
    if (!session || session->client->ssl != SSL_get_SSL_CTX(ssl))
        return 0;
    SSL_SESSION_free(session->ssl);
    session->ssl = made;
    return 1; // the reference is ours now
}

void tls_session_deinit(struct tls_session *session) {
    SSL_SESSION_free(session->ssl);
    tls_client_unref(session->client);
    mem_free(session->name);
    *session = (struct tls_session){0};
}

void tls_session_aim(struct tls_session *session, struct tls_client *client, const char *name) {
    if (session->client == client && strcmp(session->name, name) == 0)
        return;
    tls_session_deinit(session);
    *session = (struct tls_session){.client = tls_client_ref(client), .name = mem_text(name)};
}

// --- contexts ---------------------------------------------------------------------------------

static SSL_CTX *new_context(const SSL_METHOD *method) {
    SSL_CTX *ssl = SSL_CTX_new(method);
    if (!ssl)
        mem_out();
    SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return ssl;
}

// The options of a backend's section.
static const struct tls_terms backend_terms = {"this daemon's certificate (tls_cert)",
                                               "tls_cert, tls_key", "tls_ca", " (tls_server_name)",
                                               "redis://"};

struct tls_client *tls_client_new(const struct tls_files *files, enum tls_verify verify,
                                  enum tls_version least, const char *ciphers,
                                  const char *server_name, struct tls_fault *fault) {
    struct tls_client *client = mem_new(sizeof(*client));
    client->refs = 1;
    client->ssl = new_context(TLS_client_method());
    client->verify = verify;
    client->has_cert = *files->cert;
    client->terms = &backend_terms;
    client->server_name = *server_name ? mem_text(server_name) : NULL;
    if (least == TLS_VERSION_1_3)
        SSL_CTX_set_min_proto_version(client->ssl, TLS1_3_VERSION);
    SSL_CTX_set_session_cache_mode(client->ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(client->ssl, on_session);
    SSL_CTX_set_verify(client->ssl, verify == TLS_VERIFY_NO ? SSL_VERIFY_NONE : SSL_VERIFY_PEER,
                       NULL);
    bool is_good =
        (verify == TLS_VERIFY_NO && !*files->ca) || load_authorities(client->ssl, files, fault);
    is_good = is_good && (!client->has_cert || load_own(client->ssl, files, fault));
    if (is_good && *ciphers && SSL_CTX_set_cipher_list(client->ssl, ciphers) != 1)
        is_good = refuse_as_told(fault, TLS_PART_CIPHERS, "OpenSSL knows none of them for TLS 1.2");
    if (is_good)
        return client;
    tls_client_unref(client);
    return NULL;
}

// Memory of clients that are idle counts more than the time to get it again.
struct tls_server *tls_server_new(const struct tls_files *files, enum tls_ask ask,
                                  struct tls_fault *fault) {
    static const unsigned char id[] = "cachesd";
    struct tls_server *server = mem_new(sizeof(*server));
    int mode = ask == TLS_ASK_REQUIRED   ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
               : ask == TLS_ASK_OPTIONAL ? SSL_VERIFY_PEER
                                         : SSL_VERIFY_NONE;
    server->refs = 1;
    server->ask = ask;
    server->ssl = new_context(TLS_server_method());
    SSL_CTX_set_mode(server->ssl, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(server->ssl, SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(server->ssl, SSL_SESS_CACHE_OFF); // tickets need no memory
    SSL_CTX_set_session_id_context(server->ssl, id, sizeof(id) - 1);
    SSL_CTX_set_verify(server->ssl, mode, NULL);
    if (load_own(server->ssl, files, fault) &&
        (ask == TLS_ASK_NO || load_authorities(server->ssl, files, fault)))
        return server;
    tls_server_unref(server);
    return NULL;
}

void tls_context_leave_thread(void) { OPENSSL_thread_stop(); }

struct tls_client *tls_client_ref(struct tls_client *client) {
    if (client)
        client->refs++;
    return client;
}

void tls_client_unref(struct tls_client *client) {
    if (!client || --client->refs > 0)
        return;
    SSL_CTX_free(client->ssl);
    mem_free(client->server_name);
    mem_free(client);
}

struct tls_server *tls_server_ref(struct tls_server *server) {
    if (server)
        server->refs++;
    return server;
}

void tls_server_unref(struct tls_server *server) {
    if (!server || --server->refs > 0)
        return;
    SSL_CTX_free(server->ssl);
    mem_free(server);
}
