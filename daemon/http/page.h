// Page: the daemon's state for a browser: page.html, which asks for /status.
//
// The page is one text, without anything from elsewhere. Its style and script run by a nonce, which
// is another each time: what a browser takes from a key or a message can never run.
#pragma once

#include "protocol/bytes.h"

// Appends the page, and appends to `policy` the security policy that it is to be sent with, with a
// zero byte at its end.
void page_append(struct bytes *page, struct bytes *policy);
