#include "process/crew.h"

#include "common/log.h"
#include "process/spread.h"

#include <stdio.h>
#include <string.h>

#define KEEPER_LEAVE_MS 1000
#define BALANCE_PERIOD_MS 1000

static_assert(CONFIG_WORKERS_MAX == BOARD_WORKERS_MAX, "a worker has the same slot on the board");

void crew_init(struct crew *crew, struct board *board, const struct generation *generation,
               const struct log_files *logs, struct child_launch launch)
{
    *crew = (struct crew){
        .launch = launch,
        .board = board,
        .generation = generation,
        .logs = logs,
    };
    for (uint32_t slot = 0; slot < CHILD_SLOTS; slot++)
        child_init(&crew->children[slot], slot);
}

void crew_fini(struct crew *crew)
{
    listen_sockets_close(&crew->sockets);
}

/* --- who is there --------------------------------------------------------------------------- */

uint64_t crew_workers(const struct crew *crew)
{
    uint64_t slots = 0;
    for (uint32_t slot = 0; slot < CONFIG_WORKERS_MAX; slot++)
        if (child_is_wanted(&crew->children[slot]))
            slots |= 1ull << slot;
    return slots;
}

uint64_t crew_live_workers(const struct crew *crew)
{
    uint64_t slots = 0;
    for (uint32_t slot = 0; slot < CONFIG_WORKERS_MAX; slot++) {
        const struct child *c = &crew->children[slot];
        if (c->state == CHILD_RUNNING && !c->full)
            slots |= 1ull << slot;
    }
    return slots;
}

bool crew_has_workers(const struct crew *crew)
{
    for (uint32_t slot = 0; slot < CONFIG_WORKERS_MAX; slot++)
        if (child_is_alive(&crew->children[slot]))
            return true;
    return false;
}

bool crew_is_empty(const struct crew *crew)
{
    return !crew_has_workers(crew) && !child_is_alive(&crew->children[CHILD_KEEPER]);
}

bool crew_has_settled(const struct crew *crew, struct buf *problems)
{
    char name[16];
    bool settled = true;
    for (uint32_t slot = 0; slot < CHILD_SLOTS; slot++) {
        const struct child *c = &crew->children[slot];
        if (!child_is_wanted(c) || c->generation == crew->generation->number)
            continue;
        if (c->refused == crew->generation->number) {
            buf_printf(problems, "%s rejected it\n", child_name(c, name));
            continue;
        }
        buf_printf(problems, "%s has not applied it\n", child_name(c, name));
        settled = false;
    }
    return settled;
}

/* Those who take new connections; when all are full, all of them, as well as they can. */
static uint64_t takers(const struct crew *crew)
{
    uint64_t live = crew_live_workers(crew), running = 0;
    for (uint32_t slot = 0; slot < CONFIG_WORKERS_MAX; slot++)
        if (crew->children[slot].state == CHILD_RUNNING)
            running |= 1ull << slot;
    return live ? live : running;
}

static void weigh(struct crew *crew, uint64_t arrivals)
{
    uint64_t open[CONFIG_WORKERS_MAX];
    for (uint32_t slot = 0; slot < CONFIG_WORKERS_MAX; slot++)
        open[slot] = metrics_gauge(board_metrics(crew->board, slot), GAUGE_CONNECTIONS_OPEN);
    spread_weigh(open, takers(crew), arrivals, crew->weights);
}

static void share_out(struct crew *crew)
{
    struct err e;
    if (listen_sockets_steer(&crew->sockets, crew->weights, &e) < 0)
        log_write(LOG_WARN, "%s", e.text);
}

void crew_steer(struct crew *crew)
{
    weigh(crew, 0);
    share_out(crew);
}

void crew_balance(struct crew *crew, uint64_t now_ms)
{
    uint32_t before[CONFIG_WORKERS_MAX];
    uint64_t accepted = board_counter(crew->board, COUNTER_CONNECTIONS_ACCEPTED);
    uint64_t arrivals = accepted > crew->accepted ? accepted - crew->accepted : 0;
    crew->accepted = accepted;
    crew->balance_due_ms = now_ms + BALANCE_PERIOD_MS;
    memcpy(before, crew->weights, sizeof(before));
    weigh(crew, arrivals);
    if (memcmp(before, crew->weights, sizeof(before)) != 0)
        share_out(crew);
}

/* --- what they are told --------------------------------------------------------------------- */

static void tell(struct child *c, const struct channel_message *message,
                 const struct channel_files *files)
{
    struct err e;
    char name[16];
    if (channel_send(c->channel, message, files, &e) == 0)
        return;
    log_write(LOG_ERROR, "%s does not listen, killing it: %s", child_name(c, name), e.text);
    child_kill(c);
}

static void configure(struct crew *crew, struct child *c)
{
    struct channel_message message = { .kind = CHANNEL_CONFIG,
                                       .generation = crew->generation->number };
    struct channel_files files;
    channel_files_init(&files);
    files.bundle = crew->generation->sealed_fd;
    log_files_lend(crew->logs, &files);
    if (child_is_worker(c))
        listen_sockets_lend(&crew->sockets, c->slot, &files);
    else
        listen_sockets_lend_admin(&crew->sockets, &files);
    snprintf(message.text, sizeof(message.text), "%s", crew->generation->config->file);
    tell(c, &message, &files);
}

void crew_configure_keeper(struct crew *crew, uint64_t now_ms)
{
    struct child *keeper = &crew->children[CHILD_KEEPER];
    if (keeper->state == CHILD_ABSENT)
        crew_start(crew, keeper, now_ms);
    else if (child_is_alive(keeper) && child_is_wanted(keeper))
        configure(crew, keeper);
}

void crew_configure_workers(struct crew *crew)
{
    for (uint32_t slot = 0; slot < CONFIG_WORKERS_MAX; slot++) {
        struct child *c = &crew->children[slot];
        if (child_is_alive(c) && child_is_wanted(c))
            configure(crew, c);
    }
}

void crew_reopen_logs(struct crew *crew)
{
    struct channel_message message = { .kind = CHANNEL_REOPEN };
    struct channel_files files;
    channel_files_init(&files);
    log_files_lend(crew->logs, &files);
    for (uint32_t slot = 0; slot < CHILD_SLOTS; slot++)
        if (child_is_alive(&crew->children[slot]))
            tell(&crew->children[slot], &message, &files);
}

/* --- coming and going ----------------------------------------------------------------------- */

static void fail_to_start(struct crew *crew, struct child *c, uint64_t now_ms, const char *why)
{
    char name[16];
    child_died(c, now_ms);
    board_set_slot(crew->board, c->slot, BOARD_SLOT_DOWN);
    log_write(LOG_ERROR, "cannot start %s: %s; trying again in %llu ms", child_name(c, name), why,
              (unsigned long long)(c->due_ms - now_ms));
}

void crew_start(struct crew *crew, struct child *c, uint64_t now_ms)
{
    struct err e;
    char name[16];
    c->started_ms = now_ms;
    int status = child_is_worker(c) ? listen_sockets_add(&crew->sockets, c->slot, &e) : 0;
    if (status == 0)
        status = child_start(c, &crew->launch, now_ms, &e);
    if (status < 0) {
        fail_to_start(crew, c, now_ms, e.text);
        return;
    }
    board_set_slot(crew->board, c->slot, BOARD_SLOT_UP);
    configure(crew, c);
    log_write(LOG_INFO, "started %s, process %d", child_name(c, name), (int)c->pid);
}

void crew_vacate(struct crew *crew, const struct child *c)
{
    board_set_slot(crew->board, c->slot, BOARD_SLOT_RETIRED);
    if (child_is_worker(c))
        listen_sockets_remove(&crew->sockets, c->slot);
}

static uint32_t count_workers(const struct crew *crew)
{
    return (uint32_t)__builtin_popcountll(crew_workers(crew));
}

/* A slot whose last worker is still leaving is not free; its successor follows when it has left. */
static void start_missing(struct crew *crew, uint64_t now_ms)
{
    uint32_t count = count_workers(crew);
    for (uint32_t slot = 0; slot < CONFIG_WORKERS_MAX && count < crew->worker_count; slot++) {
        if (crew->children[slot].state != CHILD_ABSENT)
            continue;
        crew_start(crew, &crew->children[slot], now_ms);
        count++;
    }
    if (crew->children[CHILD_KEEPER].state == CHILD_ABSENT)
        crew_start(crew, &crew->children[CHILD_KEEPER], now_ms);
}

static void retire_surplus(struct crew *crew, uint64_t now_ms)
{
    char name[16];
    uint32_t count = count_workers(crew);
    for (uint32_t slot = CONFIG_WORKERS_MAX; slot-- > 0 && count > crew->worker_count;) {
        struct child *c = &crew->children[slot];
        if (!child_is_wanted(c))
            continue;
        child_retire(c, now_ms);
        if (c->state == CHILD_ABSENT)
            crew_vacate(crew, c);
        log_write(LOG_INFO, "%s is not needed any more", child_name(c, name));
        count--;
    }
}

void crew_fill(struct crew *crew, uint64_t now_ms)
{
    if (crew->leaving)
        return;
    retire_surplus(crew, now_ms);
    start_missing(crew, now_ms);
    crew_steer(crew);
}

void crew_drain(struct crew *crew, uint32_t deadline_ms, uint64_t now_ms)
{
    crew->leaving = true;
    for (uint32_t slot = 0; slot < CONFIG_WORKERS_MAX; slot++)
        child_drain(&crew->children[slot], deadline_ms, now_ms);
    /* With our copies gone, an address refuses connections as soon as its workers have closed it.
     */
    struct listen_sockets admin_only = { .admin = crew->sockets.admin };
    listen_sockets_commit(&crew->sockets, &admin_only);
}

void crew_drain_keeper(struct crew *crew, uint64_t now_ms)
{
    child_drain(&crew->children[CHILD_KEEPER], KEEPER_LEAVE_MS, now_ms);
}

void crew_kill(struct crew *crew)
{
    for (uint32_t slot = 0; slot < CHILD_SLOTS; slot++)
        child_kill(&crew->children[slot]);
}
