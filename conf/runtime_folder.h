// Runtime folder: where sockets go that the settings don't place.
#pragma once

#include "protocol/bytes.h"

// Appends its path: $RUNTIME_DIRECTORY (systemd's), $XDG_RUNTIME_DIR, or /tmp/cachesd-UID.
void runtime_folder_append(struct bytes *path);

// Makes sure that it is there and only ours. NULL, or why not; *problem owns the words.
const char *runtime_folder_prepare(struct bytes *problem);
