// Editor: one line from a person at a terminal, by libedit, with what libedit lacks: hints while
// typing, pastes that run nothing, and something else to listen to meanwhile.
//
// All of this happens where libedit asks for the next key: the hint is drawn before the key is
// read, and wiped away behind it.
#pragma once

#include "client/words.h"
#include "protocol/bytes.h"

struct editor;

struct editor_options {
    const struct words *words; // what hints and Tab know
    bool has_colour;           // hints are shown only where they can be dim
    // Returns the descriptor to listen to while the person types; -1: none.
    int (*watched)(void *owner);
    // The descriptor may be read. Appends the text that is to be shown above the line, with its
    // line ends; nothing when there is nothing to show.
    void (*on_watched)(void *owner, struct bytes *text);
    void *owner;
};

enum editor_result {
    EDITOR_LINE,
    EDITOR_PASTE,     // several lines: the person has not said that they should run
    EDITOR_INTERRUPT, // Ctrl-C
    EDITOR_END,       // Ctrl-D, or the terminal is gone
};

// Takes the terminal of standard input and output. The options must outlive the editor.
struct editor *editor_new(const struct editor_options *options);

// Gives the terminal back.
void editor_free(struct editor *e);

// Adds a line to those that the arrows and Ctrl-R find.
void editor_remember(struct editor *e, struct slice line);

// Reads a line, in UTF-8, without its end. `prompt` is plain text.
enum editor_result editor_read(struct editor *e, const char *prompt, struct bytes *line);

// Asks a question, and returns the key that is pressed, in lower case; 0 for Ctrl-C, Ctrl-D and a
// terminal that is gone.
char editor_ask(struct editor *e, const char *question);

// Reads a line that is not shown, as a token. Returns false for Ctrl-C, Ctrl-D and a terminal that
// is gone.
bool editor_read_secret(struct editor *e, const char *prompt, struct bytes *line);

// Returns whether Ctrl-C came since the last time; for whoever waits for something else than keys.
// Ctrl-Z is obeyed here.
bool editor_is_interrupted(struct editor *e);
