// Tls: both sides of a connection, whose records the tests carry by hand.
#include "transport/tls.h"

#include <sys/stat.h>

#include "certificates.h"

// --- a connection -----------------------------------------------------------------------------

// A connection to try; what is NULL is usual.
struct trial {
    const char *host, *ca, *cert, *key, *server_cert, *server_key, *client_ca, *server_name;
    enum tls_verify verify;
    enum tls_version least;
    enum tls_ask ask;
    size_t cut;  // how many bytes are carried at once; 0: all
    bool is_old; // TLS 1.2
};

struct pair {
    struct tls *client, *server;
    struct tls_client *client_context;
    struct tls_server *server_context;
    enum tls_step client_step, server_step; // of the handshake
    size_t cut;
};

static struct tls_client *client_of(const struct trial *t) {
    struct tls_fault fault = {0};
    struct tls_files files = {t->ca ? t->ca : "ca.crt", t->cert ? t->cert : "",
                              t->key ? t->key : "", certificates_file};
    struct tls_client *client = tls_client_new(&files, t->verify, t->least, "",
                                               t->server_name ? t->server_name : "", &fault);
    check_text("client's context", &fault.text, "");
    ck_assert_ptr_nonnull(client);
    if (t->is_old)
        SSL_CTX_set_max_proto_version(client->ssl, TLS1_2_VERSION);
    return client;
}

static struct tls_server *server_of(const struct trial *t) {
    struct tls_fault fault = {0};
    struct tls_files files = {t->client_ca ? t->client_ca : "ca.crt",
                              t->server_cert ? t->server_cert : "server.crt",
                              t->server_key ? t->server_key : "server.key", certificates_file};
    struct tls_server *server = tls_server_new(&files, t->ask, &fault);
    check_text("server's context", &fault.text, "");
    ck_assert_ptr_nonnull(server);
    return server;
}

// Carries what `from` has to say to `to`. Returns whether there was anything.
static bool carry(struct tls *from, struct tls *to, size_t cut) {
    struct bytes *wire = tls_wire(from);
    size_t len = cut > 0 && cut < wire->len ? cut : wire->len;
    if (len == 0)
        return false;
    char *records = copy_exactly(wire->data, len);
    tls_feed(to, records, len);
    tls_keep(to);
    free(records);
    bytes_consume(wire, len);
    return true;
}

static void shake(struct pair *p) {
    bool is_moving = true;
    p->client_step = p->server_step = TLS_WANTS;
    while (is_moving) {
        if (p->client_step == TLS_WANTS)
            p->client_step = tls_shake(p->client);
        is_moving = carry(p->client, p->server, p->cut);
        if (p->server_step == TLS_WANTS)
            p->server_step = tls_shake(p->server);
        is_moving = carry(p->server, p->client, p->cut) || is_moving;
    }
}

static struct pair connect_under(const struct trial *t, struct tls_client *client,
                                 struct tls_server *server, struct tls_session *session) {
    struct pair p = {.cut = t->cut};
    p.client_context = tls_client_ref(client);
    p.server_context = tls_server_ref(server);
    p.client = tls_new_client(client, t->host ? t->host : "redis.test", session);
    p.server = tls_new_server(server);
    shake(&p);
    return p;
}

static struct pair connect(struct trial t) {
    struct tls_client *client = client_of(&t);
    struct tls_server *server = server_of(&t);
    struct pair p = connect_under(&t, client, server, NULL);
    tls_client_unref(client);
    tls_server_unref(server);
    return p;
}

static void disconnect(struct pair *p) {
    tls_free(p->client);
    tls_free(p->server);
    tls_client_unref(p->client_context);
    tls_server_unref(p->server_context);
}

// Reads all that has come. Returns how the reading ended.
static enum tls_step read_all(struct tls *t, struct bytes *to) {
    enum tls_step step;
    size_t got;
    do {
        step = tls_read(t, bytes_reserve(to, 1000), 1000, &got);
        bytes_grew(to, got);
    } while (step == TLS_DONE || got > 0);
    return step;
}

static void send(struct pair *p, struct tls *from, struct tls *to, size_t len) {
    char *sent = malloc(len);
    struct bytes got = {0};
    for (size_t i = 0; i < len; i++)
        sent[i] = (char)(i * 31 + i / 256);
    ck_assert(tls_seal(from, (struct slice){sent, len}));
    enum tls_step step = TLS_WANTS;
    while (step == TLS_WANTS && carry(from, to, p->cut))
        step = read_all(to, &got);
    ck_assert_int_eq(step, TLS_WANTS);
    ck_assert(!tls_has_rest(to));
    ck_assert(slice_equal(bytes_slice(&got), (struct slice){sent, len}));
    bytes_deinit(&got);
    free(sent);
}

static void check_good(struct trial t) {
    struct pair p = connect(t);
    ck_assert_str_eq(tls_trouble(p.client), "");
    ck_assert_str_eq(tls_trouble(p.server), "");
    ck_assert_int_eq(p.client_step, TLS_DONE);
    ck_assert_int_eq(p.server_step, TLS_DONE);
    send(&p, p.client, p.server, 5000);
    send(&p, p.server, p.client, t.cut > 0 && t.cut < 100 ? 17000 : 70000);
    disconnect(&p);
}

// The trouble may come with the first read, as TLS 1.3 has it for a client's certificate.
static void check_bad(struct trial t, const char *client_says, const char *server_says) {
    struct bytes unused = {0};
    struct pair p = connect(t);
    if (p.client_step == TLS_DONE)
        ck_assert_int_eq(read_all(p.client, &unused), TLS_BROKEN);
    else
        ck_assert_int_eq(p.client_step, TLS_BROKEN);
    ck_assert_int_eq(p.server_step, TLS_BROKEN);
    ck_assert_ptr_nonnull(strstr(tls_trouble(p.client), client_says));
    ck_assert_ptr_nonnull(strstr(tls_trouble(p.server), server_says));
    bytes_deinit(&unused);
    disconnect(&p);
}

// --- tests ------------------------------------------------------------------------------------

START_TEST(tls_carries_bytes_however_records_are_cut) {
    static const size_t cuts[] = {0, 1, 2, 5, 17, 4096};
    for (size_t i = 0; i < COUNT(cuts); i++) {
        check_good((struct trial){.cut = cuts[i]});
        check_good((struct trial){.cut = cuts[i], .is_old = true});
    }
}
END_TEST

START_TEST(tls_makes_one_record_of_what_is_sealed_at_once) {
    struct pair p = connect((struct trial){0});
    struct bytes got = {0};
    ck_assert(tls_seal(p.client, SLICE("GET a GET b GET c")));
    ck_assert_uint_eq(tls_wire(p.client)->len, 17 + 22);
    carry(p.client, p.server, 0);
    read_all(p.server, &got);
    check_text("plain", &got, "GET a GET b GET c");
    disconnect(&p);
}
END_TEST

START_TEST(tls_takes_a_server_by_name_number_or_the_name_it_is_told) {
    check_good((struct trial){.host = "127.0.0.1"});
    check_good((struct trial){.host = "::1"});
    check_good((struct trial){.host = "10.0.0.1", .server_name = "redis.test"});
    check_good((struct trial){.host = "other.test", .verify = TLS_VERIFY_CA});
    check_good((struct trial){.host = "other.test", .ca = "foreign.crt", .verify = TLS_VERIFY_NO});
    check_good((struct trial){.least = TLS_VERSION_1_3});
}
END_TEST

START_TEST(tls_says_what_is_wrong_with_the_server) {
    check_bad((struct trial){.host = "other.test"},
              "is not for other.test (tls_server_name), but for redis.test", "");
    check_bad((struct trial){.host = "127.0.0.2"}, "is not for 127.0.0.2", "bad certificate");
    check_bad((struct trial){.ca = "foreign.crt"}, "is not to be trusted: ", "unknown ca");
    check_bad((struct trial){.ca = "foreign.crt", .verify = TLS_VERIFY_CA},
              "is its CA, good CA, in tls_ca?", "");
    check_bad((struct trial){.server_cert = "expired.crt", .server_key = "expired.key"},
              "TLS: the server's certificate has expired on 20", "certificate expired");
    check_bad((struct trial){.least = TLS_VERSION_1_3, .is_old = true}, "TLS: ", "");
}
END_TEST

START_TEST(tls_says_what_is_wrong_with_the_client) {
    for (int is_old = 0; is_old < 2; is_old++) {
        check_bad((struct trial){.ask = TLS_ASK_REQUIRED, .is_old = is_old},
                  "the server wants a client certificate (tls_cert, tls_key)",
                  "TLS: the client shows no certificate");
        check_bad((struct trial){.ask = TLS_ASK_OPTIONAL,
                                 .cert = "foreign.crt",
                                 .key = "foreign.key",
                                 .is_old = is_old},
                  "the server refuses this daemon's certificate (tls_cert): ",
                  "TLS: the client's certificate: ");
        check_good((struct trial){.ask = TLS_ASK_OPTIONAL, .is_old = is_old});
        check_good((struct trial){
            .ask = TLS_ASK_REQUIRED, .cert = "client.crt", .key = "client.key", .is_old = is_old});
    }
}
END_TEST

START_TEST(tls_says_that_the_answer_is_not_tls) {
    struct trial t = {0};
    struct tls_client *context = client_of(&t);
    struct tls *client = tls_new_client(context, "redis.test", NULL);
    ck_assert_int_eq(tls_shake(client), TLS_WANTS);
    tls_feed(client, "-ERR unknown command\r\n", 22);
    ck_assert_int_eq(tls_shake(client), TLS_BROKEN);
    ck_assert_str_eq(tls_trouble(client),
                     "the answer is not TLS: is this a TLS port? (redis:// is without TLS)");
    tls_free(client);
    tls_client_unref(context);
}
END_TEST

START_TEST(tls_says_that_a_client_does_not_speak_tls) {
    static const char *const texts[] = {"GET / HTTP/1.1\r\n\r\n", "key.get sessions a\r\n"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct trial t = {0};
        struct tls_server *context = server_of(&t);
        struct tls *server = tls_new_server(context);
        tls_feed(server, texts[i], strlen(texts[i]));
        ck_assert_int_eq(tls_shake(server), TLS_BROKEN);
        ck_assert_str_eq(tls_trouble(server), "the client does not speak TLS");
        tls_free(server);
        tls_server_unref(context);
    }
}
END_TEST

static struct bytes names_of(struct trial t) {
    struct bytes names = {0};
    struct pair p = connect(t);
    tls_append_peer_names(p.server, &names);
    disconnect(&p);
    return names;
}

START_TEST(tls_names_the_client_that_has_shown_a_certificate) {
    struct bytes names = names_of(
        (struct trial){.ask = TLS_ASK_OPTIONAL, .cert = "client.crt", .key = "client.key"});
    check_same("names", bytes_slice(&names), SLICE("web.internal\0spiffe://a/web\0web\0"));
    bytes_deinit(&names);
    names = names_of((struct trial){.ask = TLS_ASK_OPTIONAL});
    ck_assert_uint_eq(names.len, 0);
    names = names_of((struct trial){.cert = "client.crt", .key = "client.key"});
    ck_assert_uint_eq(names.len, 0);
}
END_TEST

static bool is_resumed(const struct trial *t, struct tls_client *client, struct tls_server *server,
                       struct tls_session *session) {
    struct bytes unused = {0};
    struct pair p = connect_under(t, client, server, session);
    ck_assert_int_eq(p.client_step, TLS_DONE);
    ck_assert_int_eq(read_all(p.client, &unused), TLS_WANTS); // TLS 1.3 sends sessions now
    bool is = tls_is_resumed(p.client);
    disconnect(&p);
    bytes_deinit(&unused);
    return is;
}

START_TEST(tls_uses_a_session_again_for_the_same_name_and_rules_alone) {
    for (int is_old = 0; is_old < 2; is_old++) {
        struct trial t = {.is_old = is_old}, by_number = {.host = "127.0.0.1", .is_old = is_old};
        struct tls_session session = {0};
        struct tls_client *client = client_of(&t), *other = client_of(&t);
        struct tls_server *server = server_of(&t);
        ck_assert(!is_resumed(&t, client, server, &session));
        ck_assert(is_resumed(&t, client, server, &session));
        ck_assert(!is_resumed(&by_number, client, server, &session));
        ck_assert(is_resumed(&by_number, client, server, &session));
        ck_assert(!is_resumed(&by_number, other, server, &session));
        tls_session_deinit(&session);
        tls_client_unref(client);
        tls_client_unref(other);
        tls_server_unref(server);
    }
}
END_TEST

START_TEST(tls_tells_the_end_from_a_cut) {
    struct pair p = connect((struct trial){0});
    struct bytes got = {0};
    ck_assert(tls_seal(p.server, SLICE("last")));
    tls_say_end(p.server);
    while (carry(p.server, p.client, 0))
        ;
    ck_assert_int_eq(read_all(p.client, &got), TLS_ENDED);
    check_text("before the end", &got, "last");
    ck_assert(tls_has_rest(p.client));
    send(&p, p.client, p.server, 10); // one side's end is not the other's
    disconnect(&p);
}
END_TEST

START_TEST(tls_says_that_records_are_damaged) {
    struct pair p = connect((struct trial){0});
    struct bytes got = {0};
    ck_assert(tls_seal(p.server, SLICE("text")));
    tls_wire(p.server)->data[tls_wire(p.server)->len - 1] ^= 1;
    while (carry(p.server, p.client, 0))
        ;
    ck_assert_int_eq(read_all(p.client, &got), TLS_BROKEN);
    ck_assert_int_eq(read_all(p.client, &got), TLS_BROKEN);
    ck_assert_ptr_nonnull(strstr(tls_trouble(p.client), "TLS: "));
    ck_assert_uint_eq(got.len, 0);
    bytes_deinit(&got);
    disconnect(&p);
}
END_TEST

// --- chains -----------------------------------------------------------------------------------

// Writes the certificates, the first of which is another's own, as a file of PEM.
static void write_chain(const char *name, const struct certificate *const *chain, size_t count) {
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", certificates_folder, name);
    FILE *file = fopen(path, "w");
    for (size_t i = 0; i < count; i++)
        ck_assert(PEM_write_X509(file, chain[i]->cert));
    fclose(file);
}

START_TEST(tls_shows_the_cas_between_and_says_whose_day_is_over) {
    for (int has_expired = 0; has_expired < 2; has_expired++) {
        struct certificate root =
            certificate_make((struct certificate_order){.subject = "root", .is_authority = true});
        struct certificate between =
            certificate_make((struct certificate_order){.subject = "between",
                                                        .maker = &root,
                                                        .is_authority = true,
                                                        .has_expired = has_expired});
        struct certificate leaf = certificate_make((struct certificate_order){
            .subject = "leaf", .names = "DNS:redis.test", .maker = &between});
        struct trial t = {.ca = "root.crt", .server_cert = "chain.crt", .server_key = "leaf.key"};
        certificate_write(&root, certificates_folder, "root");
        certificate_write(&leaf, certificates_folder, "leaf");
        write_chain("chain.crt", (const struct certificate *const[]){&leaf, &between}, 2);
        if (has_expired)
            check_bad(t, "TLS: a CA of the server's has expired on 20", "certificate expired");
        else
            check_good(t);
        t.server_cert = "leaf.crt"; // the CA between is not shown
        check_bad(t, "is its CA, between, in tls_ca?", "unknown ca");
        certificate_free(&root);
        certificate_free(&between);
        certificate_free(&leaf);
    }
}
END_TEST

START_TEST(tls_names_the_systems_authorities_as_openssl_finds_them) {
    unsetenv(X509_get_default_cert_file_env());
    unsetenv(X509_get_default_cert_dir_env());
    struct tls_system_authorities found = tls_system_authorities();
    ck_assert_str_eq(found.file, X509_get_default_cert_file());
    ck_assert_str_eq(found.folder, X509_get_default_cert_dir());
    setenv(X509_get_default_cert_file_env(), "/a/file", true);
    setenv(X509_get_default_cert_dir_env(), "/a/folder", true);
    found = tls_system_authorities();
    ck_assert_str_eq(found.file, "/a/file");
    ck_assert_str_eq(found.folder, "/a/folder");
}
END_TEST

// --- files ------------------------------------------------------------------------------------

static void check_refused(struct tls_files files, enum tls_part part, const char *wanted) {
    struct tls_fault fault = {0};
    files.beside = certificates_file;
    ck_assert_ptr_null(tls_client_new(&files, TLS_VERIFY_FULL, TLS_VERSION_1_2, "", "", &fault));
    ck_assert_int_eq(fault.part, part);
    ck_assert_msg(slice_begins(bytes_slice(&fault.text), slice_of(wanted)), "%.*s",
                  (int)fault.text.len, fault.text.data);
    bytes_deinit(&fault.text);
}

#define NO_CERT "there is no certificate in the file (PEM)"

START_TEST(tls_says_which_file_is_wrong) {
    char path[256];
    check_refused((struct tls_files){"no.crt", "", "", NULL}, TLS_PART_CA,
                  "can't read 'no.crt': No such file or directory");
    check_refused((struct tls_files){"ca.key", "", "", NULL}, TLS_PART_CA, NO_CERT);
    check_refused((struct tls_files){"ca.crt", "no.crt", "client.key", NULL}, TLS_PART_CERT,
                  "can't read 'no.crt': No such file or directory");
    check_refused((struct tls_files){"ca.crt", "client.key", "client.key", NULL}, TLS_PART_CERT,
                  NO_CERT);
    check_refused((struct tls_files){"ca.crt", "client.crt", "no.key", NULL}, TLS_PART_KEY,
                  "can't read 'no.key': No such file or directory");
    check_refused((struct tls_files){"ca.crt", "client.crt", "client.crt", NULL}, TLS_PART_KEY,
                  "there is no private key in the file (PEM, without a passphrase)");
    check_refused((struct tls_files){"ca.crt", "client.crt", "server.key", NULL}, TLS_PART_KEY,
                  "it is not the key of the certificate");
    snprintf(path, sizeof(path), "%s/empty", certificates_folder);
    fclose(fopen(path, "w"));
    check_refused((struct tls_files){"empty", "", "", NULL}, TLS_PART_CA, NO_CERT);
    check_refused((struct tls_files){"ca.crt", "empty", "client.key", NULL}, TLS_PART_CERT,
                  NO_CERT);
}
END_TEST

START_TEST(tls_wants_names_by_hash_in_a_folder_of_authorities) {
    char names[3][256];
    snprintf(names[0], sizeof(*names), "%s/sub", certificates_folder);
    snprintf(names[1], sizeof(*names), "%s/sub/0123456789abcdef.0", certificates_folder);
    snprintf(names[2], sizeof(*names), "%s/sub/0123abcd.0", certificates_folder);
    ck_assert_int_eq(mkdir(names[0], 0700), 0);
    fclose(fopen(names[1], "w"));
    check_refused((struct tls_files){"sub", "", "", NULL}, TLS_PART_CA,
                  "there is no certificate in the folder under a name that OpenSSL looks for");
    fclose(fopen(names[2], "w"));
    struct tls_files files = {names[0], "", "", NULL}; // beside nothing: a whole path
    struct tls_fault fault = {0};
    struct tls_client *client =
        tls_client_new(&files, TLS_VERIFY_FULL, TLS_VERSION_1_2, "", "", &fault);
    ck_assert_ptr_nonnull(client);
    tls_client_unref(client);
    for (int i = 2; i >= 0; i--)
        remove(names[i]);
}
END_TEST

// --- new keys ---------------------------------------------------------------------------------

// A client of OpenSSL's own, since struct tls never asks for new keys itself.
struct raw {
    SSL *ssl;
    BIO *in, *out;
};

// Carries all that either side has to say. Returns what the server has read.
static struct bytes exchange(struct raw *r, struct tls *t) {
    struct bytes got = {0}, *wire = tls_wire(t);
    char records[4096];
    int len = 1;
    while (len > 0) {
        len = BIO_read(r->out, records, sizeof(records));
        tls_feed(t, records, len > 0 ? (size_t)len : 0);
        if (tls_shake(t) == TLS_DONE)
            ck_assert_int_eq(read_all(t, &got), TLS_WANTS);
        tls_keep(t);
        if (wire->len > 0)
            BIO_write(r->in, wire->data, (int)wire->len);
        bytes_deinit(wire);
        SSL_do_handshake(r->ssl);
    }
    return got;
}

START_TEST(tls_takes_new_keys_and_answers_with_its_own) {
    struct trial t = {0};
    struct tls_client *client = client_of(&t);
    struct tls_server *context = server_of(&t);
    struct tls *server = tls_new_server(context);
    struct raw raw = {SSL_new(client->ssl), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem())};
    char got[16] = "";
    SSL_set_bio(raw.ssl, raw.in, raw.out);
    SSL_set_connect_state(raw.ssl);
    SSL_do_handshake(raw.ssl);
    struct bytes none = exchange(&raw, server);
    check_text("handshake", &none, "");
    ck_assert(SSL_is_init_finished(raw.ssl));
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(SSL_key_update(raw.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        ck_assert_int_eq(SSL_write(raw.ssl, "ping", 4), 4);
        struct bytes read = exchange(&raw, server);
        check_text("under new keys", &read, "ping");
        ck_assert(tls_seal(server, SLICE("pong")));
        BIO_write(raw.in, tls_wire(server)->data, (int)tls_wire(server)->len);
        bytes_deinit(tls_wire(server));
        ck_assert_int_eq(SSL_read(raw.ssl, got, sizeof(got)), 4);
        ck_assert_str_eq(got, "pong");
    }
    SSL_free(raw.ssl);
    tls_free(server);
    tls_server_unref(context);
    tls_client_unref(client);
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND(
        "tls", certificates_begin, certificates_end, tls_carries_bytes_however_records_are_cut,
        tls_makes_one_record_of_what_is_sealed_at_once,
        tls_takes_a_server_by_name_number_or_the_name_it_is_told,
        tls_says_what_is_wrong_with_the_server, tls_says_what_is_wrong_with_the_client,
        tls_says_that_the_answer_is_not_tls, tls_says_that_a_client_does_not_speak_tls,
        tls_names_the_client_that_has_shown_a_certificate,
        tls_uses_a_session_again_for_the_same_name_and_rules_alone, tls_tells_the_end_from_a_cut,
        tls_says_that_records_are_damaged, tls_shows_the_cas_between_and_says_whose_day_is_over,
        tls_names_the_systems_authorities_as_openssl_finds_them, tls_says_which_file_is_wrong,
        tls_wants_names_by_hash_in_a_folder_of_authorities,
        tls_takes_new_keys_and_answers_with_its_own);
}
