#include "daemon/admin/process.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static uint64_t us_of(struct timeval t) {
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec;
}

static uint64_t count_fds(void) {
    DIR *folder = opendir("/proc/self/fd");
    uint64_t entries = 0;
    if (!folder)
        return 0;
    while (readdir(folder))
        entries++;
    closedir(folder);
    return entries - 3; // ".", ".." and the folder's own
}

static void look_at_memory(struct process *p) {
    FILE *file = fopen("/proc/self/statm", "re");
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    if (!file)
        return;
    if (fscanf(file, "%" SCNu64 " %" SCNu64, &p->virtual_bytes, &p->resident_bytes) != 2)
        p->virtual_bytes = p->resident_bytes = 0;
    fclose(file);
    p->virtual_bytes *= page;
    p->resident_bytes *= page;
}

void process_look(struct process *p) {
    struct rusage used;
    struct rlimit limit;
    *p = (struct process){.open_fds = count_fds()};
    look_at_memory(p);
    if (getrusage(RUSAGE_SELF, &used) == 0)
        p->cpu_us = us_of(used.ru_utime) + us_of(used.ru_stime);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        p->max_fds = limit.rlim_cur;
}
