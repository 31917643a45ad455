#include "client/aim.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "client/local.h"
#include "client/reply.h"
#include "client/search.h"
#include "conf/address.h"
#include "conf/file.h"
#include "conf/tls_context.h"
#include "protocol/answer.h"

enum { LOCAL_START_MS = 10000, LOCAL_STEP_MS = 10 };

// A token in an option's value would be seen by all users of the machine.
static bool read_token(const struct options *o, struct bytes *token, struct bytes *error) {
    const char *variable = getenv("CACHESD_TOKEN");
    if (!o->user)
        return true;
    if (o->token_file) {
        int fault = file_read(o->token_file, token);
        if (fault != 0) {
            bytes_printf(error, "--token-file %s: %s", o->token_file, strerror(fault));
            return false;
        }
        while (token->len > 0 && strchr("\r\n", token->data[token->len - 1]))
            token->len--;
    } else if (variable && *variable) {
        bytes_append_slice(token, slice_of(variable));
    } else {
        bytes_printf(error, "-u %s needs a token, in $CACHESD_TOKEN or a --token-file", o->user);
        return false;
    }
    bytes_append(token, "", 1);
    return true;
}

// The options of `caches`.
static const struct tls_terms terms = {"this certificate (--cert)", "--cert, --key", "--ca", "",
                                       "HOST:PORT"};

// Makes the rules for TLS, where the address wants TLS.
static bool read_tls(const struct options *o, struct tls_client **client, struct bytes *error) {
    static const char *const names[] = {
        [TLS_PART_CA] = "--ca", [TLS_PART_CERT] = "--cert", [TLS_PART_KEY] = "--key"};
    const char *variable = getenv("CACHESD_ADDRESS");
    const char *address = o->address ? o->address : variable ? variable : "";
    struct tls_files files = {.ca = o->ca, .cert = o->cert, .key = o->key};
    struct tls_fault fault = {0};
    if (strncmp(address, "tls:", 4) != 0 || o->is_local) {
        if (*o->ca || *o->cert)
            bytes_printf(error, "--ca, --cert and --key are for an address that begins with tls:");
        return !*o->ca && !*o->cert;
    }
    *client = tls_client_new(&files, TLS_VERIFY_FULL, TLS_VERSION_1_2, "", "", &fault);
    if (!*client)
        bytes_printf(error, "%s: %.*s", names[fault.part], (int)fault.text.len, fault.text.data);
    else
        (*client)->terms = &terms;
    bytes_deinit(&fault.text);
    return *client;
}

static bool is_ready(struct connection *c) {
    struct slice ready = SLICE("ready");
    const struct reply *reply = connection_call(c, &ready, 1);
    return reply && reply->type == EVENT_STATUS;
}

// Waits until the daemon of --local lets clients in and its Redis serves.
static enum exit_code connect_local(struct aim *aim, struct bytes *error) {
    struct bytes passing = {0};
    enum exit_code code;
    bool is_there = false;
    for (int waited_ms = 0; waited_ms < LOCAL_START_MS && !is_there; waited_ms += LOCAL_STEP_MS) {
        passing.len = 0;
        if (!local_is_alive(aim->local))
            break;
        if (!aim->connection)
            aim->connection = search_connect(&aim->to, local_address(aim->local), &passing, &code);
        is_there = aim->connection && is_ready(aim->connection);
        if (!is_there)
            poll(NULL, 0, LOCAL_STEP_MS);
    }
    bytes_deinit(&passing);
    if (is_there)
        return EXIT_ANSWERED;
    if (local_is_alive(aim->local)) // else its log was printed
        local_tell(aim->local);
    bytes_append_literal(error, "the daemon of --local does not start");
    return EXIT_NO_DAEMON;
}

enum exit_code aim_open(struct aim *aim, const struct options *o, struct bytes *error) {
    enum exit_code code;
    *aim = (struct aim){0};
    if (!read_token(o, &aim->token, error) || !read_tls(o, &aim->tls, error))
        return EXIT_USAGE;
    aim->to = (struct connection_options){
        .user = o->user, .token = aim->token.data, .tls = aim->tls, .timeout_ms = o->timeout_ms};
    if (o->is_local) {
        aim->local = local_start(error);
        return aim->local ? connect_local(aim, error) : EXIT_NO_DAEMON;
    }
    aim->connection = search_connect(&aim->to, o->address, error, &code);
    return aim->connection ? EXIT_ANSWERED : code;
}

void aim_close(struct aim *aim) {
    connection_free(aim->connection);
    local_stop(aim->local);
    tls_client_unref(aim->tls);
    address_deinit(&aim->to.address);
    bytes_deinit(&aim->token);
}
