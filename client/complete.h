// Complete: `caches __complete WORD...`, which the shells' completion asks.
#pragma once

// Prints the words that may stand in the place of the last of the arguments, which follow the
// command's name on its line: a line each, and behind a tab what it is. Says nothing else, and ends
// within some 300 ms, whoever answers.
void complete_run(int argc, char **argv);
