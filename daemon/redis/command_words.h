// Command words: the words behind a command's name, as COMMAND DOCS tells of them. redis-cli shows
// them while somebody writes a command.
#pragma once

#include "daemon/request/request.h"
#include "protocol/redis/row.h"

// Appends the array of the command's arguments to the reply.
void command_write_words(struct request *r, const struct redis_command *command);
