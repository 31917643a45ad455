// Runtime folder: the folder for sockets to which the settings give no path.
#pragma once

#include "protocol/bytes.h"

// Appends the folder's path: $RUNTIME_DIRECTORY (of systemd), $XDG_RUNTIME_DIR, or
// /tmp/cachesd-UID.
void runtime_folder_append(struct bytes *path);

// If the folder is the one in /tmp, makes it and keeps other users out; other folders are left as
// they are. Returns NULL, or a text that says why that failed, which *problem owns.
const char *runtime_folder_prepare(struct bytes *problem);
