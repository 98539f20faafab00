#include "process/guard.h"

#include "common/log.h"
#include "common/mem.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB (1024ull * 1024)
#define LOOK_MS 1000
#define UNUSED_LOOKS 10 /* one after the other: not what a burst leaves for the next one */
#define UNUSED_BYTES (MIB / 2)
/* What a worker has open beside connections, where they have to be estimated. */
#define DESCRIPTORS_FIXED 16

/* Thousandths of what there is. */
static const struct pressure_scale share_scale = {
    .begins = { 0, 800, 900, 950 },
    .ends = { 0, 750, 850, 900 },
};

/* Thousandths of the kernel's limit; from two thirds of it on the kernel spares by itself. */
static const struct pressure_scale sockets_scale = {
    .begins = { 0, 650, 800, 900 },
    .ends = { 0, 600, 750, 850 },
};

/* Milliseconds. */
static const struct pressure_scale lag_scale = {
    .begins = { 0, 100, PRESSURE_NEVER, 1000 },
    .ends = { 0, 50, PRESSURE_NEVER, 500 },
};

/* ---- the limit ---- */

uint64_t guard_memory_limit(const struct capacity *c, const struct config *config, uint32_t workers)
{
    if (config->guard_memory_bytes > 0)
        return config->guard_memory_bytes;
    uint64_t needed = capacity_memory_needed(workers, config);
    return MIN(MAX(c->memory_bytes / 4 * 3, needed), c->memory_bytes / 10 * 9);
}

/* ---- memory ---- */

struct resident {
    uint64_t private_bytes, shared_bytes;
};

/* proc(5): size, resident, shared ... in pages. */
static struct resident read_statm(int fd)
{
    char text[128];
    ssize_t len = fd < 0 ? 0 : pread(fd, text, sizeof(text) - 1, 0);
    if (len <= 0)
        return (struct resident){ 0 };
    text[len] = '\0';
    uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    char *at = text;
    strtoull(at, &at, 10);
    uint64_t all = strtoull(at, &at, 10), shared = strtoull(at, &at, 10);
    return (struct resident){ (all - MIN(shared, all)) * page_bytes, shared * page_bytes };
}

static void measure_memory(struct guard *g)
{
    struct resident r = read_statm(g->statm);
    metrics_gauge_set(g->metrics, GAUGE_MEMORY_PRIVATE, r.private_bytes);
    metrics_gauge_set(g->metrics, GAUGE_MEMORY_SHARED, r.shared_bytes);
}

static bool much_is_unused(struct guard *g)
{
    struct mem_use use;
    if (!mem_use(&use))
        return false;
    metrics_gauge_set(g->metrics, GAUGE_MEMORY_ALLOCATED, use.allocated_bytes);
    metrics_gauge_set(g->metrics, GAUGE_MEMORY_IN_USE, use.in_use_bytes);
    return use.unused_bytes > MAX(use.in_use_bytes / 16, UNUSED_BYTES);
}

/* Freed memory stays with the allocator while a crowd is there: to give it back for asking again
 * costs time, and tears what is left into ever smaller pieces, whose book-keeping grows for good.
 * What has been too much for a while was a crowd's that has left, and a level of pressure that it
 * held up would never fall. */
static void give_back(struct guard *g, uint64_t now_ms)
{
    if (now_ms < g->look_ms)
        return;
    g->look_ms = now_ms + LOOK_MS;
    arena_cache_trim(&g->loop->arenas);
    g->unused_looks = much_is_unused(g) ? g->unused_looks + 1 : 0;
    if (g->memory_level == PRESSURE_CALM && g->unused_looks < UNUSED_LOOKS)
        return;
    g->unused_looks = 0;
    mem_give_back();
}

static const char *measures(enum pressure_level level)
{
    static const char *const texts[PRESSURE_LEVELS] = {
        [PRESSURE_CALM] = "all is as usual again",
        [PRESSURE_TIGHT] = "idle connections are closed early",
        [PRESSURE_SCARCE] = "connections are closed after their answer",
        [PRESSURE_CRITICAL] = "new connections are refused",
    };
    return texts[level];
}

static enum log_level log_level_of(enum pressure_level level)
{
    return level == PRESSURE_CALM ? LOG_INFO : LOG_WARN;
}

static uint32_t share_of(uint64_t used, uint64_t limit)
{
    return limit ? (uint32_t)MIN(used * 1000 / limit, UINT32_MAX) : 0;
}

/* ---- the keeper ---- */

static uint64_t node_memory(const struct guard *g)
{
    struct resident supervisor = read_statm(g->supervisor_statm);
    return board_gauge_sum(g->board, GAUGE_MEMORY_PRIVATE) +
           metrics_gauge(g->metrics, GAUGE_MEMORY_PRIVATE) + supervisor.private_bytes +
           MAX(board_gauge_max(g->board, GAUGE_MEMORY_SHARED), supervisor.shared_bytes);
}

static void watch_memory(struct guard *g, uint64_t now_ms)
{
    uint64_t resident = node_memory(g), own = socket_memory_own(&g->socket_memory);
    uint64_t used = resident + own, limit = board_state(g->board, BOARD_MEMORY_LIMIT);
    metrics_gauge_set(g->metrics, GAUGE_MEMORY, resident);
    metrics_gauge_set(g->metrics, GAUGE_MEMORY_SOCKETS, own);
    if (pressure_step(&g->memory, &share_scale, share_of(used, limit), now_ms))
        log_write(log_level_of(g->memory.level),
                  "memory is %s: %llu of %llu MiB, %llu of them the kernel's for sockets; %s",
                  pressure_name(g->memory.level), (unsigned long long)(used / MIB),
                  (unsigned long long)(limit / MIB), (unsigned long long)(own / MIB),
                  measures(g->memory.level));
    g->memory_level = g->memory.level;
    metrics_gauge_set(g->metrics, GAUGE_PRESSURE_MEMORY, g->memory_level);
}

static void watch_sockets(struct guard *g, uint64_t now_ms)
{
    uint64_t used = socket_memory_machine(&g->socket_memory), limit = g->socket_memory.limit_bytes;
    if (pressure_step(&g->sockets, &sockets_scale, share_of(used, limit), now_ms))
        log_write(log_level_of(g->sockets.level),
                  "the kernel's memory for sockets (tcp_mem) is %s: %llu of %llu MiB; %s",
                  pressure_name(g->sockets.level), (unsigned long long)(used / MIB),
                  (unsigned long long)(limit / MIB),
                  g->sockets.level == PRESSURE_CRITICAL || g->sockets.level == PRESSURE_CALM
                      ? measures(g->sockets.level)
                      : "who does not take an answer is sent away early");
    g->sockets_level = g->sockets.level;
    metrics_gauge_set(g->metrics, GAUGE_PRESSURE_SOCKETS, g->sockets_level);
}

static void watch_node(struct guard *g, uint64_t now_ms)
{
    watch_memory(g, now_ms);
    watch_sockets(g, now_ms);
    metrics_gauge_set(g->metrics, GAUGE_PRESSURE, MAX(g->memory_level, g->sockets_level));
}

/* ---- a worker ---- */

/* Since Linux 6.2 the size of the folder is their number; before it is 0. */
static uint64_t count_descriptors(const struct guard *g)
{
    struct stat st;
    if (stat("/proc/self/fd", &st) == 0 && st.st_size > 0)
        return (uint64_t)st.st_size;
    return DESCRIPTORS_FIXED + metrics_gauge(g->metrics, GAUGE_CONNECTIONS_OPEN) +
           metrics_gauge(g->metrics, GAUGE_UPSTREAM_IDLE) +
           metrics_gauge(g->metrics, GAUGE_REQUESTS_ACTIVE);
}

static void watch_descriptors(struct guard *g, uint64_t now_ms)
{
    uint64_t open = count_descriptors(g);
    metrics_gauge_set(g->metrics, GAUGE_DESCRIPTORS_OPEN, open);
    if (pressure_step(&g->descriptors, &share_scale, share_of(open, g->descriptors_max), now_ms))
        log_write(log_level_of(g->descriptors.level), "descriptors are %s: %llu of %u are open; %s",
                  pressure_name(g->descriptors.level), (unsigned long long)open, g->descriptors_max,
                  measures(g->descriptors.level));
    metrics_gauge_set(g->metrics, GAUGE_PRESSURE_DESCRIPTORS, g->descriptors.level);
}

static void watch_lag(struct guard *g, uint64_t now_ms)
{
    uint32_t lag_ms = now_ms > g->due_ms ? (uint32_t)MIN(now_ms - g->due_ms, UINT32_MAX) : 0;
    g->lags_ms[g->lag_count++ % GUARD_LAGS] = lag_ms;
    uint32_t least_ms = lag_ms;
    for (size_t i = 0; i < GUARD_LAGS; i++)
        least_ms = MIN(least_ms, g->lags_ms[i]);
    metrics_gauge_set(g->metrics, GAUGE_LOOP_LAG, lag_ms);
    if (pressure_step(&g->lag, &lag_scale, least_ms, now_ms))
        log_write(log_level_of(g->lag.level), "time is %s: the loop is %u ms late; %s",
                  pressure_name(g->lag.level), lag_ms,
                  g->lag.level == PRESSURE_TIGHT ? "nobody is sent away for it"
                                                 : measures(g->lag.level));
    metrics_gauge_set(g->metrics, GAUGE_PRESSURE_TIME, g->lag.level);
}

static enum pressure_level keepers_level(const struct guard *g, enum metric_gauge gauge)
{
    uint64_t level = metrics_gauge(board_metrics(g->board, BOARD_KEEPER), gauge);
    return (enum pressure_level)MIN(level, PRESSURE_CRITICAL);
}

static void watch_worker(struct guard *g, uint64_t now_ms)
{
    g->memory_level = keepers_level(g, GAUGE_PRESSURE_MEMORY);
    g->sockets_level = keepers_level(g, GAUGE_PRESSURE_SOCKETS);
    watch_descriptors(g, now_ms);
    watch_lag(g, now_ms);
    metrics_gauge_set(g->metrics, GAUGE_PRESSURE, guard_level(g));
}

/* ---- both ---- */

static void arm(struct guard *g)
{
    g->due_ms = loop_now_ms(g->loop) + GUARD_PERIOD_MS;
    timer_set(&g->loop->timers, &g->timer, GUARD_PERIOD_MS);
}

static void on_timer(struct timer *t)
{
    struct guard *g = CONTAINER_OF(t, struct guard, timer);
    uint64_t now_ms = loop_now_ms(g->loop);
    measure_memory(g);
    if (g->is_keeper)
        watch_node(g, now_ms);
    else
        watch_worker(g, now_ms);
    give_back(g, now_ms);
    if (g->on_step)
        g->on_step(g);
    arm(g);
}

static int open_statm(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        log_write(LOG_WARN, "cannot read %s: guard.memory does not see that process", path);
    return fd;
}

void guard_init(struct guard *g, struct loop *loop, struct board *board, uint32_t slot,
                uint64_t descriptors_max, void (*on_step)(struct guard *g))
{
    *g = (struct guard){ .loop = loop,
                         .board = board,
                         .metrics = board_metrics(board, slot),
                         .is_keeper = slot == BOARD_KEEPER,
                         .supervisor_statm = -1,
                         .descriptors_max = (uint32_t)MIN(descriptors_max, UINT32_MAX),
                         .on_step = on_step };
    g->statm = open_statm(getpid());
    if (g->is_keeper) {
        g->supervisor_statm = open_statm(getppid());
        socket_memory_open(&g->socket_memory, "");
    }
    timer_init(&g->timer, on_timer);
    arm(g);
}

void guard_fini(struct guard *g)
{
    timer_cancel(&g->timer);
    if (g->statm >= 0)
        close(g->statm);
    if (g->supervisor_statm >= 0)
        close(g->supervisor_statm);
    if (g->is_keeper)
        socket_memory_close(&g->socket_memory);
}

enum pressure_level guard_keep_alive_level(const struct guard *g)
{
    return MAX(g->memory_level, g->descriptors.level);
}

enum pressure_level guard_blocked_level(const struct guard *g)
{
    return MAX(guard_keep_alive_level(g), g->sockets_level);
}

enum pressure_level guard_level(const struct guard *g)
{
    return MAX(guard_blocked_level(g), g->lag.level);
}
