#include "bench/run/process_table.h"

#include "bench/run/proc_file.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLAG_KERNEL_THREAD 0x00200000 /* PF_KTHREAD */

/* Fields of /proc/PID/stat, counted from the one behind the name (proc(5) calls that one 3). */
enum { FIELD_PARENT = 1, FIELD_FLAGS = 6, FIELD_USER = 11, FIELD_COUNT = 15 };

struct process {
    pid_t pid, parent;
    bool is_kernel_thread;
    uint64_t cpu_ticks;
};

void process_table_enrol(struct process_table *t, pid_t pid, enum process_role role)
{
    assert(t->root_count < PROCESS_TABLE_ROOTS);
    t->roots[t->root_count].pid = pid;
    t->roots[t->root_count++].role = role;
}

static bool parse(struct process *p, const char *text)
{
    int64_t fields[FIELD_COUNT] = { 0 };
    const char *at = strrchr(text, ')'); /* a name may hold anything */
    if (!at || strlen(at) < 4)
        return false;
    at += 3; /* behind the state, a letter */
    for (size_t i = 1; i < FIELD_COUNT; i++) {
        char *end;
        fields[i] = strtoll(at, &end, 10);
        at = end;
    }
    p->parent = (pid_t)fields[FIELD_PARENT];
    p->is_kernel_thread = fields[FIELD_FLAGS] & FLAG_KERNEL_THREAD;
    for (size_t i = FIELD_USER; i < FIELD_COUNT; i++) /* user, system, and those of dead children */
        p->cpu_ticks += (uint64_t)fields[i];
    return true;
}

static bool read_process(struct process *p, pid_t pid)
{
    char path[32], text[1024];
    *p = (struct process){ .pid = pid };
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    return proc_file_read(path, text, sizeof(text)) && parse(p, text);
}

static enum process_role role_of(const struct process_table *t, const struct process *p)
{
    for (size_t i = 0; i < t->root_count; i++)
        if (t->roots[i].pid == p->pid)
            return t->roots[i].role;
    for (size_t i = 0; i < t->root_count; i++)
        if (t->roots[i].pid == p->parent)
            return t->roots[i].role;
    return ROLE_FOREIGN;
}

static void add(struct process_table *t, const struct process *p)
{
    enum process_role role = role_of(t, p);
    t->cpu_ticks[role] += p->cpu_ticks;
    if (role == ROLE_GATEWAY && t->gateway_count < PROCESS_TABLE_GATEWAY_MAX)
        t->gateway[t->gateway_count++] = p->pid;
}

void process_table_read(struct process_table *t)
{
    struct process p;
    DIR *dir = opendir("/proc");
    memset(t->cpu_ticks, 0, sizeof(t->cpu_ticks));
    t->gateway_count = 0;
    if (!dir)
        return;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid > 0 && read_process(&p, pid) && !p.is_kernel_thread)
            add(t, &p);
    }
    closedir(dir);
}

pid_t process_table_worker(const struct process_table *t, uint32_t slot)
{
    char wanted[32], path[32], title[64];
    snprintf(wanted, sizeof(wanted), "cong: worker %u", slot);
    for (size_t i = 0; i < t->gateway_count; i++) {
        snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)t->gateway[i]);
        if (proc_file_read(path, title, sizeof(title)) && strcmp(title, wanted) == 0)
            return t->gateway[i];
    }
    return 0;
}
