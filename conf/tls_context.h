// TLS context: the certificates and the rules for TLS connections of one kind, made from files.
//
// A context is shared by counting references, from any thread, and never changes: a reload makes
// another, and connections that began under the former one go on. So it is part of the settings,
// and a file that is not good refuses these.
#pragma once

#include <openssl/ssl.h>
#include <stdatomic.h>

#include "protocol/bytes.h"

// How a server's certificate is checked: the chain of signatures and the name, the chain alone, or
// nothing.
enum tls_verify { TLS_VERIFY_FULL, TLS_VERIFY_CA, TLS_VERIFY_NO };
enum tls_version { TLS_VERSION_1_2, TLS_VERSION_1_3 };
// Whether clients of a listener show a certificate.
enum tls_ask { TLS_ASK_NO, TLS_ASK_OPTIONAL, TLS_ASK_REQUIRED };

// Names of files; "" for none. Relative ones are looked for as file_read_secret() does.
struct tls_files {
    const char *ca;   // a file of certificates, or a folder as OpenSSL hashes it; "": the system's
    const char *cert; // a certificate, followed by those between it and the CA's
    const char *key;  // its private key
    const char *beside; // the file that names them; NULL: none
};

// Terms: the names that a text about trouble has for the things that its reader can change.
struct tls_terms {
    const char *own;   // our certificate
    const char *cert;  // the options that name it, and its key
    const char *ca;    // that which names the CAs to trust
    const char *name;  // that which gives the server another name, in parentheses; "": none
    const char *plain; // how an address without TLS is written
};

// For connections to servers.
struct tls_client {
    atomic_uint refs;
    SSL_CTX *ssl;
    enum tls_verify verify;
    char *server_name; // instead of the host's name; NULL: none
    bool has_cert;
    const struct tls_terms *terms; // the daemon's; whoever makes the context may set others at once
};

// Keeps the next connection to the same server from a whole handshake. Zeroed, it is empty.
struct tls_session {
    SSL_SESSION *ssl;          // NULL: none
    struct tls_client *client; // by whose rules the server's certificate was checked
    char *name;                // for which it was checked
};

// For connections of clients.
struct tls_server {
    atomic_uint refs;
    SSL_CTX *ssl;
    enum tls_ask ask;
};

// Which file is at fault, and why.
enum tls_part { TLS_PART_CA, TLS_PART_CERT, TLS_PART_KEY, TLS_PART_CIPHERS };
struct tls_fault {
    enum tls_part part;
    struct bytes text; // the caller frees it
};

// Makes a context, with one reference. `ciphers` are those of TLS 1.2, as OpenSSL writes them; "":
// its choice. Returns NULL when something can't be used: *fault says what.
struct tls_client *tls_client_new(const struct tls_files *files, enum tls_verify verify,
                                  enum tls_version least, const char *ciphers,
                                  const char *server_name, struct tls_fault *fault);
struct tls_server *tls_server_new(const struct tls_files *files, enum tls_ask ask,
                                  struct tls_fault *fault);

// Where OpenSSL looks for the system's CAs, unless `ca` says otherwise. Either need not exist.
struct tls_system_authorities {
    const char *file, *folder;
};
struct tls_system_authorities tls_system_authorities(void);

// Frees what OpenSSL keeps for this thread, which makes no more contexts soon.
void tls_context_leave_thread(void);

// Makes the session ready for a connection to the server of that name: what was kept under other
// rules or for another name is dropped. The context keeps sessions in the one that is the app data
// of a connection (SSL_set_app_data()), whose thread must be the session's.
void tls_session_aim(struct tls_session *session, struct tls_client *client, const char *name);
void tls_session_deinit(struct tls_session *session);

// All take NULL, too.
struct tls_client *tls_client_ref(struct tls_client *client);
void tls_client_unref(struct tls_client *client);
struct tls_server *tls_server_ref(struct tls_server *server);
void tls_server_unref(struct tls_server *server);
