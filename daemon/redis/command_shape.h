// Command shape: how a command is written, as COMMAND INFO and COMMAND DOCS tell of it.
#pragma once

#include "daemon/request/request.h"
#include "protocol/bytes.h"
#include "protocol/redis/row.h"

enum { COMMAND_NAME_SIZE = 40 };

// Writes the name in lower case, which Redis calls its commands by.
void command_lower_name(char *name, const struct redis_command *command);

// Returns whether the command is in that category of Redis's ACL, with or without its '@'.
bool command_has_category(const struct redis_command *command, struct slice category);

// Each appends to the reply: an element of COMMAND INFO's; the name and its value, of COMMAND
// DOCS'; the flags of a key, of COMMAND GETKEYSANDFLAGS'.
void command_write_shape(struct request *r, const struct redis_command *command);
void command_write_docs(struct request *r, const struct redis_command *command);
void command_write_key_flags(struct request *r, const struct redis_command *command);
