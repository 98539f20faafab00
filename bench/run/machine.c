#include "bench/run/machine.h"

#include "bench/run/http_get.h"
#include "bench/run/proc_file.h"
#include "bench/run/socket_count.h"
#include "common/clock.h"
#include "common/mem.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CORES_MAX CPU_SETSIZE
#define METRICS_BYTES (4U << 20)
#define METRICS_TIMEOUT_MS 500
#define EXPENSIVE_SHARE 50 /* one part in so many of a core */
#define TEXT_BYTES (256U * 1024)

struct core_time {
    uint64_t all, idle, stolen;
};

struct machine {
    struct machine_setup setup;
    char *text; /* TEXT_BYTES, for files of /proc */
    struct buf metrics;

    uint64_t observed_us;
    struct core_time cores[CORES_MAX];
    uint64_t cpu_ticks[ROLE_COUNT];
    uint64_t pressure_us, listen_drops;
    bool has_begun; /* the differences have something to differ from */

    uint64_t expensive_due_us;
    struct results_machine last;
    double memory_left;
    uint32_t restarts;
};

struct machine *machine_new(const struct machine_setup *setup)
{
    struct machine *m = mem_new(sizeof(*m));
    m->setup = *setup;
    m->text = mem_new(TEXT_BYTES);
    buf_init(&m->metrics, METRICS_BYTES);
    return m;
}

void machine_free(struct machine **m)
{
    if (!*m)
        return;
    buf_fini(&(*m)->metrics);
    mem_free((*m)->text);
    mem_free(*m);
    *m = NULL;
}

double machine_memory_left(const struct machine *m)
{
    return m->memory_left;
}

uint32_t machine_gateway_restarts(const struct machine *m)
{
    return m->restarts;
}

/* --- processor ------------------------------------------------------------------------------- */

static struct core_time parse_core(const char *fields)
{
    enum { IDLE = 3, WAITING = 4, STOLEN = 7, FIELDS = 8 };
    struct core_time core = { 0 };
    for (int i = 0; i < FIELDS; i++) {
        char *end;
        uint64_t value = strtoull(fields, &end, 10);
        fields = end;
        core.all += value;
        core.idle += i == IDLE || i == WAITING ? value : 0;
        core.stolen += i == STOLEN ? value : 0;
    }
    return core;
}

static double percent(double part, double whole)
{
    return whole > 0 ? 100 * part / whole : 0;
}

/* Of these cores since the last time: how much was not idle. */
static double busy(const struct core_time *since, const cpu_set_t *set)
{
    double all = 0, idle = 0;
    for (size_t i = 0; i < CORES_MAX; i++)
        if (CPU_ISSET(i, set)) {
            all += (double)since[i].all;
            idle += (double)since[i].idle;
        }
    return all > 0 ? 100 - percent(idle, all) : 0;
}

static void observe_cores(struct machine *m, struct results_machine *out)
{
    struct core_time since[CORES_MAX] = { 0 };
    double all = 0, stolen = 0;
    proc_file_read("/proc/stat", m->text, TEXT_BYTES);
    for (char *line = strstr(m->text, "\ncpu"); line; line = strstr(line, "\ncpu")) {
        line += 4;
        char *fields;
        uint64_t number = strtoull(line, &fields, 10);
        if (number >= CORES_MAX)
            break;
        struct core_time now = parse_core(fields), *before = &m->cores[number];
        since[number].all = now.all - before->all;
        since[number].idle = now.idle > before->idle ? now.idle - before->idle : 0;
        all += (double)since[number].all;
        stolen += (double)(now.stolen - before->stolen);
        *before = now;
    }
    out->core_busy[0] = busy(since, &m->setup.gateway_cores);
    out->core_busy[1] = busy(since, &m->setup.generator_cores);
    out->steal = percent(stolen, all);
}

static void observe_processes(struct machine *m, double elapsed_us, struct results_machine *out)
{
    double shares[ROLE_COUNT];
    double tick_us = 1e6 / (double)sysconf(_SC_CLK_TCK);
    process_table_read(m->setup.processes);
    for (int role = 0; role < ROLE_COUNT; role++) {
        uint64_t now = m->setup.processes->cpu_ticks[role], before = m->cpu_ticks[role];
        shares[role] = now > before ? percent((double)(now - before) * tick_us, elapsed_us) : 0;
        m->cpu_ticks[role] = now;
    }
    out->gateway_cpu = shares[ROLE_GATEWAY];
    out->nodes_cpu = shares[ROLE_NODE];
    out->generators_cpu = shares[ROLE_GENERATOR];
    out->attackers_cpu = shares[ROLE_ATTACKERS] / CPU_COUNT(&m->setup.generator_cores);
    out->foreign = shares[ROLE_FOREIGN] / (double)sysconf(_SC_NPROCESSORS_ONLN);
}

static void observe_pressure(struct machine *m, double elapsed_us, struct results_machine *out)
{
    proc_file_read("/proc/pressure/cpu", m->text, TEXT_BYTES);
    uint64_t total_us = proc_file_number(m->text, "total=");
    out->pressure = percent((double)(total_us - m->pressure_us), elapsed_us);
    m->pressure_us = total_us;
}

/* --- memory and network ---------------------------------------------------------------------- */

/* The kernel pairs a line of names with a line of numbers. */
static uint64_t netstat_number(const char *text, const char *name)
{
    const char *names = strstr(text, "TcpExt:");
    const char *numbers = names ? strstr(names + 1, "TcpExt:") : NULL;
    const char *at = names ? strstr(names, name) : NULL;
    if (!numbers || !at || at > numbers)
        return 0;
    for (; names < at && numbers; names++)
        if (*names == ' ')
            numbers = strchr(numbers + 1, ' ');
    return numbers ? strtoull(numbers, NULL, 10) : 0;
}

static void observe_kernel(struct machine *m, struct results_machine *out)
{
    proc_file_read("/proc/meminfo", m->text, TEXT_BYTES);
    out->kernel_slab = proc_file_number(m->text, "Slab:") * 1024;
    m->memory_left = percent((double)proc_file_number(m->text, "MemAvailable:"),
                             (double)proc_file_number(m->text, "MemTotal:"));

    proc_file_read("/proc/net/sockstat", m->text, TEXT_BYTES);
    const char *tcp = strstr(m->text, "TCP:");
    out->tcp_memory = tcp ? proc_file_number(tcp, " mem ") * (uint64_t)sysconf(_SC_PAGESIZE) : 0;

    proc_file_read("/proc/net/netstat", m->text, TEXT_BYTES);
    uint64_t drops = netstat_number(m->text, "ListenDrops");
    if (!m->has_begun)
        m->listen_drops = drops;
    out->listen_drops = drops - m->listen_drops;
}

/* What a file of /proc/PID says of the process's memory, in bytes. */
static uint64_t process_memory(struct machine *m, pid_t pid, const char *file, const char *label)
{
    char path[48];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
    proc_file_read(path, m->text, TEXT_BYTES);
    return proc_file_number(m->text, label) * 1024;
}

static uint64_t proportional_set(struct machine *m, pid_t pid)
{
    return process_memory(m, pid, "smaps_rollup", "\nPss:");
}

/* Shared pages count for each process that has them. */
static void observe_resident_set(struct machine *m, struct results_machine *out)
{
    const struct process_table *t = m->setup.processes;
    out->gateway_rss = 0;
    for (size_t i = 0; i < t->gateway_count; i++)
        out->gateway_rss += process_memory(m, t->gateway[i], "status", "\nVmRSS:");
}

/* The size of the folder is the number of descriptors, from Linux 6.2 on; counting them one by one
 * is what older kernels leave. */
static uint32_t descriptors(pid_t pid)
{
    char path[32];
    struct stat st;
    uint32_t count = 0;
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    if (stat(path, &st) == 0 && st.st_size > 0)
        return (uint32_t)st.st_size;
    DIR *dir = opendir(path);
    while (dir && readdir(dir))
        count++;
    if (dir)
        closedir(dir);
    return count;
}

static void observe_expensive(struct machine *m, struct results_machine *out)
{
    const struct process_table *t = m->setup.processes;
    out->gateway_pss = out->generators_pss = 0;
    out->gateway_fds = 0;
    for (size_t i = 0; i < t->gateway_count; i++) {
        out->gateway_pss += proportional_set(m, t->gateway[i]);
        out->gateway_fds += descriptors(t->gateway[i]);
    }
    for (size_t i = 0; i < t->root_count; i++)
        if (t->roots[i].role == ROLE_GENERATOR)
            out->generators_pss += proportional_set(m, t->roots[i].pid);
    out->kernel_sockets = 0;
    for (size_t i = 0; i < m->setup.gateway_count; i++)
        out->kernel_sockets +=
            socket_count(ntohs(m->setup.gateways[i].address.sin_port), m->setup.gateway_is_here);
}

/* --- the gateway's own word ------------------------------------------------------------------ */

/* Only when all have answered; the sums of some would say nothing. */
static void observe_gateways(struct machine *m, struct results_machine *out)
{
    uint32_t connections = 0, restarts = 0;
    uint64_t allocated = 0, in_use = 0;
    for (size_t i = 0; i < m->setup.gateway_count; i++) {
        const struct sockaddr_in *admin = &m->setup.gateways[i].admin;
        if (admin->sin_family == 0 ||
            http_get(admin, "/metrics", METRICS_TIMEOUT_MS, &m->metrics) != 200)
            return;
        connections += (uint32_t)proc_file_number(m->metrics.data, "\ncong_connections_open ");
        allocated += proc_file_number(m->metrics.data, "\ncong_memory_allocated_bytes ");
        in_use += proc_file_number(m->metrics.data, "\ncong_memory_in_use_bytes ");
        restarts += (uint32_t)proc_file_number(m->metrics.data, "\ncong_process_restarts_total ");
    }
    out->gateway_connections = connections;
    out->gateway_allocated = allocated;
    out->gateway_in_use = in_use;
    m->restarts = restarts;
}

void machine_observe(struct machine *m, bool quick, struct results_machine *out)
{
    uint64_t began_us = clock_now_us();
    double elapsed_us = (double)(began_us - m->observed_us);
    *out = m->last; /* what is not observed this time stands still */
    observe_cores(m, out);
    observe_processes(m, elapsed_us, out);
    observe_pressure(m, elapsed_us, out);
    observe_kernel(m, out);
    observe_resident_set(m, out);
    observe_gateways(m, out);
    if (!m->has_begun) /* nothing to differ from: the shares would be those since the boot */
        out->foreign = out->steal = out->pressure = 0;
    uint64_t expensive_us = clock_now_us();
    if (!quick && expensive_us >= m->expensive_due_us) {
        observe_expensive(m, out);
        uint64_t now_us = clock_now_us();
        m->expensive_due_us = now_us + (now_us - expensive_us) * EXPENSIVE_SHARE;
    }
    m->observed_us = began_us;
    m->has_begun = true;
    m->last = *out;
}
