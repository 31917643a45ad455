// Versions: what the daemon is made of, as a report of a fault should tell.
#pragma once

#include "protocol/bytes.h"

// Appends two lines: the versions of the libraries as they are now, which may be newer than those
// of the build; and by what the program was built, and with which of its options.
void versions_append(struct bytes *text);
