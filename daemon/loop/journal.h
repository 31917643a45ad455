// Journal: hands entries with fields to systemd's journal, and never waits for it.
//
// libsystemd's sd_journal_sendv() would wait when the journal is slow, and says nothing when it is
// not there. So its protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL) is spoken here: an entry is a
// datagram.
#pragma once

#include "protocol/bytes.h"

// Finds out whether standard error is the journal's, by $JOURNAL_STREAM (systemd.exec(5)).
bool journal_is_stderr(void);

// Opens the way to the journal at the socket of that path, if standard error is the journal's
// socket. To be called before any thread starts.
void journal_init(const char *path);

// Hands an entry to the journal. Returns false when the journal does not take the entry now, or is
// not there: the caller then writes the line to standard error.
bool journal_send(struct slice entry) __attribute__((warn_unused_result));
