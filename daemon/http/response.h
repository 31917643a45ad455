// Response: the answer to an HTTP request, with the headers that all answers have.
#pragma once

#include <microhttpd.h>

#include "protocol/bytes.h"

struct response {
    unsigned status;
    const char *type;   // of the content
    const char *policy; // of the content's security; NULL: it needs nothing
    const char *allow;  // the methods; NULL: not told
    bool wants_token;   // the client is to authenticate
};

// Answers with the body, which is taken over.
enum MHD_Result response_send(struct MHD_Connection *connection, const struct response *response,
                              struct bytes *body);

// Answers with a sentence of plain text.
enum MHD_Result response_say(struct MHD_Connection *connection, unsigned status, const char *text);
