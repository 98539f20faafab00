#include "process/capacity.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define RESERVED_PERCENT 24
#define RESERVED_MIN 512
#define USER_BYTES (16ull * 1024)
#define HTTP2_USER_BYTES (30ull * 1024)
/* What the record layer of ours saves of either: 14 KiB, but one in seven may come with TLS 1.2. */
#define RECORD_LAYER_SAVES_BYTES (12ull * 1024)
/* What sleeping saves of a user of HTTP/2: 14 KiB, but one in seven may be awake at a time. */
#define HTTP2_SLEEP_SAVES_BYTES (12ull * 1024)
#define WORKER_BYTES (64ull * 1024 * 1024)
#define MIB (1024ull * 1024)

static uint32_t count_cores(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) < 0)
        return 1;
    return (uint32_t)CPU_COUNT(&set);
}

static uint64_t raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 1024;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

/* False when the file is not there. The text is cut to fit and terminated. */
static bool read_text(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t got = read(fd, text, size - 1);
    close(fd);
    text[got > 0 ? got : 0] = '\0';
    return got > 0;
}

static uint64_t available_memory(const char *root)
{
    char path[PATH_MAX];
    char text[4096];
    snprintf(path, sizeof(path), "%s/proc/meminfo", root);
    if (!read_text(path, text, sizeof(text)))
        return UINT64_MAX;
    const char *line = strstr(text, "MemAvailable:");
    return line ? strtoull(line + strlen("MemAvailable:"), NULL, 10) * 1024 : UINT64_MAX;
}

/* The smallest limit from the group up to the root of its hierarchy: any of them binds. A container
 * may see its own group at the root, and nothing at the path that it is told. */
static uint64_t hierarchy_limit(const char *mount, struct slice group, const char *file)
{
    uint64_t limit = UINT64_MAX;
    for (;;) {
        char path[PATH_MAX];
        char text[64];
        snprintf(path, sizeof(path), "%s%.*s/%s", mount, SLICE_ARG(group), file);
        if (read_text(path, text, sizeof(text)) && text[0] >= '0' && text[0] <= '9')
            limit = MIN(limit, strtoull(text, NULL, 10));
        if (group.len == 0)
            return limit;
        do
            group.len--;
        while (group.len > 0 && group.data[group.len] != '/');
    }
}

/* One line of /proc/self/cgroup: "0::/path" for version 2, "4:memory:/path" for version 1. */
static uint64_t line_limit(const char *root, struct slice line)
{
    char mount[PATH_MAX];
    struct slice controllers = slice_from(line, MIN(slice_find(line, ':') + 1, line.len));
    size_t colon = slice_find(controllers, ':');
    struct slice group = slice_from(controllers, MIN(colon + 1, controllers.len));
    controllers.len = colon;
    if (controllers.len == 0) {
        snprintf(mount, sizeof(mount), "%s/sys/fs/cgroup", root);
        return hierarchy_limit(mount, group, "memory.max");
    }
    if (!slice_eq(controllers, SLICE("memory")))
        return UINT64_MAX;
    snprintf(mount, sizeof(mount), "%s/sys/fs/cgroup/memory", root);
    return hierarchy_limit(mount, group, "memory.limit_in_bytes");
}

static uint64_t cgroup_memory(const char *root)
{
    char path[PATH_MAX];
    char text[8192];
    uint64_t limit = UINT64_MAX;
    snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
    if (!read_text(path, text, sizeof(text)))
        return limit;
    struct slice rest = slice_str(text);
    while (rest.len > 0) {
        struct slice line = slice_of(rest.data, slice_find(rest, '\n'));
        limit = MIN(limit, line_limit(root, line));
        rest = slice_from(rest, MIN(line.len + 1, rest.len));
    }
    return limit;
}

void capacity_measure(struct capacity *c, const char *root)
{
    uint64_t memory = MIN(available_memory(root), cgroup_memory(root));
    c->cores = count_cores();
    c->descriptors = raise_descriptors();
    c->memory_bytes = memory == UINT64_MAX ? 0 : memory;
}

uint64_t capacity_users_per_worker(const struct capacity *c)
{
    uint64_t least = MIN(RESERVED_MIN, c->descriptors / 2);
    return c->descriptors - MAX(least, c->descriptors * RESERVED_PERCENT / 100);
}

uint32_t capacity_workers(const struct capacity *c, uint32_t configured, uint64_t users)
{
    if (configured > 0)
        return configured;
    uint64_t per_worker = capacity_users_per_worker(c);
    uint64_t needed = users / per_worker + (users % per_worker > 0);
    return (uint32_t)MIN(MAX(needed, c->cores), CONFIG_WORKERS_MAX);
}

static uint64_t bytes_per_user_of(const struct config_listener *l, bool sleeps)
{
    if (!l->tls)
        return 0;
    uint64_t bytes = l->http2 ? HTTP2_USER_BYTES : USER_BYTES;
    if (l->http2 && sleeps)
        bytes -= HTTP2_SLEEP_SAVES_BYTES;
    if (l->tls->record_layer == CONFIG_RECORD_LAYER_OWN)
        bytes -= RECORD_LAYER_SAVES_BYTES;
    return bytes;
}

/* As if all came to the listener where they cost most. */
static uint64_t bytes_per_user(const struct config *config)
{
    bool sleeps = config->timeouts.http2_sleep_ms > 0;
    uint64_t most = 0;
    for (size_t i = 0; i < config->listener_count; i++)
        most = MAX(most, bytes_per_user_of(&config->listeners[i], sleeps));
    return most ? most : USER_BYTES;
}

uint64_t capacity_memory_needed(uint32_t workers, const struct config *config)
{
    return workers * WORKER_BYTES + config->capacity_users * bytes_per_user(config);
}

/* The hard limit that would let each of `workers` take its share. */
static uint64_t needed_descriptors(uint32_t workers, uint64_t users)
{
    uint64_t share = users / workers + (users % workers > 0);
    return MAX(share + RESERVED_MIN, share * 100 / (100 - RESERVED_PERCENT) + 1);
}

static void advise_descriptors(const struct capacity *c, uint32_t workers, uint64_t users,
                               struct buf *out)
{
    uint64_t per_worker = capacity_users_per_worker(c);
    uint64_t bearable = per_worker * workers;
    uint64_t needed_workers = users / per_worker + (users % per_worker > 0);
    if (users <= bearable)
        return;
    buf_printf(out,
               "capacity.users is %llu, but %u workers of %llu descriptors each take %llu client "
               "connections: raise the hard limit of open files (LimitNOFILE, ulimit -Hn) to %llu",
               (unsigned long long)users, workers, (unsigned long long)c->descriptors,
               (unsigned long long)bearable,
               (unsigned long long)needed_descriptors(workers, users));
    if (needed_workers <= CONFIG_WORKERS_MAX)
        buf_printf(out, ", or set workers to %llu", (unsigned long long)needed_workers);
    buf_append_str(out, "\n");
}

static void advise_memory(const struct capacity *c, uint32_t workers, const struct config *config,
                          struct buf *out)
{
    uint64_t fixed = workers * WORKER_BYTES;
    uint64_t needed = capacity_memory_needed(workers, config);
    if (c->memory_bytes == 0 || needed <= c->memory_bytes)
        return;
    uint64_t fitting =
        c->memory_bytes > fixed ? (c->memory_bytes - fixed) / bytes_per_user(config) : 0;
    buf_printf(out,
               "capacity.users is %llu, which needs about %llu MiB of memory with %u workers, but "
               "%llu MiB are available: give the machine or container %llu MiB more, or set "
               "capacity.users to at most %llu\n",
               (unsigned long long)config->capacity_users, (unsigned long long)(needed / MIB),
               workers, (unsigned long long)(c->memory_bytes / MIB),
               (unsigned long long)((needed - c->memory_bytes) / MIB + 1),
               (unsigned long long)fitting);
}

void capacity_advise(const struct capacity *c, uint32_t workers, const struct config *config,
                     struct buf *out)
{
    advise_descriptors(c, workers, config->capacity_users, out);
    advise_memory(c, workers, config, out);
}
