// The rings that the daemon's code has opened: libuv has larger ones of its own, from 1.45 on.
#pragma once

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helpers.h"
#include "transport/ring.h"

static inline bool is_own_ring(int fd) {
    char path[64], text[1024] = "", mask[32];
    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
    snprintf(mask, sizeof(mask), "SqMask:\t0x%x\n", TRANSFERS_MOST - 1);
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    size_t len = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    return len > 0 && strstr(text, mask);
}

// Returns the descriptor of a ring that is open; -1: there is none.
static inline int find_own_ring(void) {
    DIR *folder = opendir("/proc/self/fd");
    int found = -1;
    ck_assert_ptr_nonnull(folder);
    for (struct dirent *entry; (entry = readdir(folder));)
        if (is_own_ring(atoi(entry->d_name)))
            found = atoi(entry->d_name);
    closedir(folder);
    return found;
}
