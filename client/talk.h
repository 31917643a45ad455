// Talk: the conversation with the daemon that a prompt goes on with for as long as a person wishes:
// it connects again when the daemon went away, and says what became of a request that was under
// way.
#pragma once

#include "client/connection.h"
#include "client/editor.h"
#include "client/form.h"
#include "client/words.h"
#include "protocol/bytes.h"

struct talk {
    struct connection *connection;
    const struct form *form;
    struct editor *editor;    // tells of Ctrl-C while a reply is waited for
    struct words *words;      // kept up to date with what the daemon says
    struct bytes user, token; // of the last `auth` that was said here; empty: none
    bool is_lost;             // the connection has ended, and the person knows
};

void talk_deinit(struct talk *t);

// Asks the daemon for its verbs and namespaces, in one write.
void talk_ask_words(struct talk *t);

// Connects again, as the user who was said here. Returns false, and appends to `error` why not.
// `owner` is the talk.
bool talk_renew(void *owner, struct bytes *error);

enum talk_end {
    TALK_DONE,   // answered well
    TALK_FAILED, // an error reply, or none at all
    TALK_OVER,   // the daemon closes the connection, as it was asked to
};

// Sends one request, and shows its reply on standard output. What went wrong is told there, too.
enum talk_end talk_request(struct talk *t, const struct slice *words, size_t count);

// Something came from the daemon while nothing was asked: appends what it says, or that it has
// gone, as lines. Nothing is appended when too little has come.
void talk_listen(struct talk *t, struct bytes *text);
