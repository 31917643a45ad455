// Prompt: `caches` at a terminal: lines become requests, and their replies are shown.
#pragma once

struct connection;
struct form;

// Goes on until the person ends it. Returns the exit code of the process.
int prompt_run(struct connection *connection, const struct form *form);
