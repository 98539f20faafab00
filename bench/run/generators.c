#include "bench/run/generators.h"

#include "bench/load/generator.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define USERS_PERCENT 76 /* of the descriptors of a process; the rest is for churn and files */
#define STOP_MS 5000
#define NICE_LEAST 19

static int make_board(struct generators *g, struct err *e)
{
    size_t size = sizeof(struct results_board);
    g->board_fd = memfd_create("cong-bench board", MFD_CLOEXEC);
    if (g->board_fd < 0 || ftruncate(g->board_fd, (off_t)size) != 0)
        return err_system(e, "cannot make the results board");
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, g->board_fd, 0);
    if (memory == MAP_FAILED)
        return err_system(e, "cannot map the results board");
    g->board = memory;
    return 0;
}

static uint32_t users_each(void)
{
    struct rlimit limit = { .rlim_max = 1024 };
    getrlimit(RLIMIT_NOFILE, &limit);
    uint64_t users = MIN(limit.rlim_max, 1U << 30) * USERS_PERCENT / 100;
    return (uint32_t)MIN(users, GENERATOR_USERS_MAX);
}

static int choose_count(struct generators *g, const struct generators_setup *setup, struct err *e)
{
    uint32_t users = scenario_users_max(setup->scenario), each = users_each();
    uint32_t attackers = scenario_attackers_all(setup->scenario);
    uint32_t needed = (users + each - 1) / each;
    g->load_count = MAX(MAX(setup->wanted, needed), 1);
    g->has_probe = setup->scenario->load.probe_users > 0;
    g->has_attackers = attackers > 0;
    g->count = g->load_count + g->has_probe + g->has_attackers;
    if (setup->wanted && setup->wanted < needed)
        return err_set(e, ERR_LIMIT, "%u users need %u generators of %u users each", users, needed,
                       each);
    if (attackers > each)
        return err_set(e, ERR_LIMIT, "%u attackers are too many for their process, which has %u",
                       attackers, each);
    return g->count <= RESULTS_GENERATORS_MAX
               ? 0
               : err_set(e, ERR_LIMIT,
                         "%u users need %u generators with %u users each, but %d is "
                         "the most; raise the limit of open files (ulimit -Hn)",
                         users, needed, each,
                         RESULTS_GENERATORS_MAX - g->has_probe - g->has_attackers);
}

static int call_generator(void *start)
{
    return generator_main(start);
}

static void name_one(const struct generators *g, uint32_t slot, char *out, size_t size)
{
    if (slot < g->load_count)
        snprintf(out, size, "generator-%u", slot + 1);
    else
        snprintf(out, size, g->has_probe && slot == g->load_count ? "probe" : "attackers");
}

static int start_one(struct generators *g, const struct generators_setup *setup, uint32_t slot,
                     struct err *e)
{
    char name[24], log_path[PATH_MAX];
    const struct scenario *s = setup->scenario;
    bool has_users = slot < g->load_count;
    bool is_probe = g->has_probe && slot == g->load_count;
    name_one(g, slot, name, sizeof(name));
    snprintf(log_path, sizeof(log_path), "%s/%s.log", setup->folder, name);
    snprintf(g->ledgers[slot], PATH_MAX, "%s/%s.ledger", setup->folder, name);
    struct generator_start start = { .scenario_path = s->file,
                                     .scale = s->scale,
                                     .users_scale = setup->users_scale,
                                     .seed = s->seed,
                                     .board_fd = g->board_fd,
                                     .slot = slot,
                                     .share = has_users ? slot : 0,
                                     .shares = g->load_count,
                                     .is_probe = is_probe,
                                     .is_attackers = !has_users && !is_probe,
                                     .target = setup->target,
                                     .server_name = setup->server_name,
                                     .ca_path = setup->ca_path,
                                     .ledger_path = has_users ? g->ledgers[slot] : NULL };
    struct program_launch how = { .call = call_generator,
                                  .argument = &start,
                                  .log_path = log_path,
                                  .cores = &setup->placement->generators,
                                  .death_signal = SIGKILL };
    int rc = program_start(&g->programs[slot], name, &how, e);
    if (rc == 0)
        process_table_enrol(setup->processes, g->programs[slot].pid,
                            start.is_attackers ? ROLE_ATTACKERS : ROLE_GENERATOR);
    return rc;
}

int generators_start(struct generators *g, const struct generators_setup *setup, struct err *e)
{
    g->board_fd = -1;
    int rc = make_board(g, e);
    if (rc == 0)
        rc = choose_count(g, setup, e);
    if (rc)
        return rc;
    g->board->generator_count = g->count;
    for (uint32_t slot = 0; slot < g->count && rc == 0; slot++)
        rc = start_one(g, setup, slot, e);
    return rc;
}

bool generators_reached(const struct generators *g, uint32_t state)
{
    for (uint32_t i = 0; i < g->count; i++)
        if (__atomic_load_n(&g->board->generators[i].state, __ATOMIC_ACQUIRE) < state)
            return false;
    return true;
}

const struct program *generators_casualty(struct generators *g)
{
    enum { FINISHED = 3 };
    for (uint32_t i = 0; i < g->count; i++)
        if (!program_runs(&g->programs[i]) &&
            __atomic_load_n(&g->board->generators[i].state, __ATOMIC_ACQUIRE) < FINISHED)
            return &g->programs[i];
    return NULL;
}

void generators_begin(struct generators *g, uint64_t start_us)
{
    __atomic_store_n(&g->board->start_us, start_us, __ATOMIC_RELEASE);
}

void generators_ask_to_stop(struct generators *g)
{
    __atomic_store_n(&g->board->stop, 1, __ATOMIC_RELEASE);
}

void generators_stop(struct generators *g)
{
    for (uint32_t i = 0; i < g->busy_loop_count; i++)
        program_stop(&g->busy_loops[i], SIGKILL, STOP_MS);
    for (uint32_t i = 0; i < g->count; i++)
        program_stop(&g->programs[i], SIGTERM, STOP_MS);
}

void generators_fini(struct generators *g)
{
    if (g->board)
        munmap(g->board, sizeof(*g->board));
    if (g->board_fd >= 0)
        close(g->board_fd);
    g->board = NULL;
    g->board_fd = -1;
}

static int loop_for_ever(void *argument)
{
    volatile bool for_ever = true;
    (void)argument;
    while (for_ever) {
    }
    return 0;
}

/* The generators step back as far as a process may of its own accord: any user can do that, and a
 * core that is only shared evenly would still let them run in time. */
int generators_starve(struct generators *g, const struct generators_setup *setup, uint32_t loops,
                      struct err *e)
{
    struct program_launch how = { .call = loop_for_ever,
                                  .log_path = "/dev/null",
                                  .cores = &setup->placement->generators,
                                  .death_signal = SIGKILL };
    int rc = 0;
    for (uint32_t i = 0; i < g->count; i++)
        setpriority(PRIO_PROCESS, (id_t)g->programs[i].pid, NICE_LEAST);
    while (g->busy_loop_count < MIN(loops, GENERATORS_BUSY_LOOPS_MAX) && rc == 0) {
        struct program *p = &g->busy_loops[g->busy_loop_count++];
        rc = program_start(p, "busy loop", &how, e);
        process_table_enrol(setup->processes, p->pid, ROLE_FOREIGN);
    }
    return rc;
}
