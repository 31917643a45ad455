#include "client/bench/cpu.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool read_text(const char *path, char *text, size_t size) {
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    size_t len = fread(text, 1, size - 1, file);
    fclose(file);
    text[len] = '\0';
    return len > 0;
}

// A thread that ended meanwhile counts nothing.
static uint64_t thread_ns(pid_t pid, const char *thread) {
    char path[64], text[128];
    uint64_t ns = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%.20s/schedstat", (int)pid, thread);
    if (read_text(path, text, sizeof text))
        sscanf(text, "%" SCNu64, &ns);
    return ns;
}

static bool read_total(pid_t pid, struct cpu *cpu) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *threads = opendir(path);
    if (!threads)
        return false;
    cpu->total_ns = 0;
    for (struct dirent *entry; (entry = readdir(threads));)
        if (entry->d_name[0] != '.')
            cpu->total_ns += thread_ns(pid, entry->d_name);
    closedir(threads);
    return true;
}

bool cpu_read(pid_t pid, struct cpu *cpu) {
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (!read_total(pid, cpu) || !read_text(path, text, sizeof text))
        return false;
    const char *fields = strrchr(text, ')'); // the name before it may hold anything
    return fields &&
           sscanf(fields + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64,
                  &cpu->user_ticks, &cpu->system_ticks) == 2;
}
