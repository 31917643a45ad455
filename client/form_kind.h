// Form kind: the ways in which replies can be written. A header of its own, since <getopt.h> and
// the verbs' table both have an `option`.
#pragma once

enum form_kind {
    FORM_TEXT, // for people: items are numbered, and bytes that are no text are escaped
    FORM_RAW,  // the bytes themselves, a line for each item
    FORM_JSON, // a line of JSON
    FORM_CSV,  // lines of comma-separated values (RFC 4180, but for their ends)
};
