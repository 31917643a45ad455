// Subcommand: the second word of a command as CLIENT SETNAME, found in a table of the command's.
#pragma once

#include "daemon/request/request.h"
#include "protocol/call.h"

struct subcommand {
    const char *name;    // in upper case
    const char *words;   // behind the name, for HELP; NULL: none
    const char *summary; // likewise
    unsigned char least; // how many words follow
    unsigned char most;  // likewise; SUBCOMMAND_ANY: any number
    void (*run)(struct request *r, const struct call *call); // NULL: refused
};

enum { SUBCOMMAND_ANY = 255 };

// Answers the request by the subcommand that its first argument names, in a list that ends with one
// without a name; or HELP.
void subcommand_run(struct request *r, const struct call *call, const struct subcommand *list);
