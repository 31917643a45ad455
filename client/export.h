// Export: all keys of a namespace as lines of JSON.
//
//   {"key":"42","type":"dict","pttl":7188000,"value":{"sku-1":"2"}}
//
// A key or value that is no UTF-8 is {"base64": "…"}; a dict with such a field is an array of
// pairs, as a sorted set is: [[member, score], …]. A collection of more than about a thousand
// members takes several lines: all but the first say "more": true. "pttl" is -1 for a key that
// never expires.
#pragma once

#include "client/exit_code.h"
#include "client/job.h"

// Runs `export N [MATCH]`. Only so much is kept in memory as one step of a scan has keys, and as
// one reply has bytes. Returns the exit code.
enum exit_code export_run(const struct job *job);
