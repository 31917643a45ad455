// Complain: tells the person at standard error what went wrong.
#pragma once

// Prints "caches: " and the text as a line.
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
