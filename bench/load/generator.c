#include "bench/load/generator.h"

#include "bench/load/coalesce.h"
#include "bench/load/crowd.h"
#include "bench/load/horde.h"
#include "bench/node/seed.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define WATCH_US 50000   /* how often it looks at the board */
#define WAIT_US 2000     /* ... for the start */
#define DRAIN_US 5000000 /* for actions in flight at the end */
#define SPARE_FILES 200  /* beside the users' connections */
#define SECOND_US 1000000
#define NICE_LEAST 19

enum state { STARTING, READY, RUNNING, FINISHED }; /* of results_generator */

struct generator {
    struct engine engine;
    struct crowd crowd; /* one of these two is here */
    struct horde horde;
    struct scenario *scenario;     /* owned */
    struct results_board *board;   /* mapped */
    struct results_generator *out; /* ours of it */
    struct agenda_item wait, watch, second, end, drain;
    uv_signal_t signals[2];
    struct coalesce coalesce; /* of citizens; the probe measures, and attackers do not wait */
    uint64_t drain_until_us;
    uint64_t sent, received; /* told to the tally */
    uint32_t phase;          /* of the last second */
};

/* --- who is here ------------------------------------------------------------------------------ */

static uint32_t gather(struct generator *g, const struct generator_start *start)
{
    struct crowd_share share = { start->share, start->shares, start->is_probe };
    if (start->is_attackers)
        horde_init(&g->horde, &g->engine);
    else
        crowd_init(&g->crowd, &g->engine, share);
    return start->is_attackers ? g->horde.count : g->crowd.user_count;
}

static void let_begin(struct generator *g)
{
    if (g->out->is_attackers)
        horde_begin(&g->horde);
    else
        crowd_begin(&g->crowd);
}

static void let_settle(struct generator *g)
{
    if (g->out->is_attackers)
        horde_end(&g->horde);
    else
        crowd_settle(&g->crowd);
}

static void send_home(struct generator *g)
{
    if (g->out->is_attackers)
        horde_end(&g->horde);
    else
        crowd_disperse(&g->crowd);
}

/* --- what is observed once in a while --------------------------------------------------------- */

/* Proportional set size; a walk over all pages, so only where a phase ends. */
static uint64_t read_pss(void)
{
    static const char key[] = "Pss:";
    char line[128];
    unsigned long long kib = 0;
    FILE *file = fopen("/proc/self/smaps_rollup", "re");
    if (!file)
        return 0;
    while (fgets(line, sizeof(line), file))
        if (strncmp(line, key, sizeof(key) - 1) == 0)
            kib = strtoull(line + sizeof(key) - 1, NULL, 10);
    fclose(file);
    return kib * 1024;
}

static void note_phase_end(struct generator *g)
{
    if (g->scenario->phases[g->phase].judged)
        g->out->pss_bytes = MAX(g->out->pss_bytes, read_pss());
}

static uint64_t cpu_us(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
           (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

static void publish(struct generator *g, uint64_t at_us)
{
    struct engine *e = &g->engine;
    const struct wire_hub *hub = &e->hub;
    tally_traffic(&e->tally, hub->bytes_sent - g->sent, hub->bytes_received - g->received, at_us);
    g->sent = hub->bytes_sent;
    g->received = hub->bytes_received;
    __atomic_store_n(&g->out->users, e->users, __ATOMIC_RELAXED);
    __atomic_store_n(&g->out->alive, e->alive, __ATOMIC_RELAXED);
    __atomic_store_n(&g->out->cpu_us, cpu_us(), __ATOMIC_RELAXED);
    client_ledger_flush(&e->ledger);
}

static void set_state(struct generator *g, enum state state)
{
    __atomic_store_n(&g->out->state, (uint32_t)state, __ATOMIC_RELEASE);
}

/* --- the run ---------------------------------------------------------------------------------- */

static void close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void end_now(struct generator *g)
{
    struct agenda *agenda = &g->engine.agenda;
    struct agenda_item *items[] = { &g->wait, &g->watch, &g->second, &g->end, &g->drain };
    for (size_t i = 0; i < ARRAY_LEN(items); i++)
        agenda_cancel(agenda, items[i]);
    send_home(g);
    for (size_t i = 0; i < ARRAY_LEN(g->signals); i++)
        close_handle((uv_handle_t *)&g->signals[i]);
    close_handle((uv_handle_t *)&agenda->poll);
    coalesce_stop(&g->coalesce);
}

static void on_drain(struct agenda_item *item)
{
    struct generator *g = CONTAINER_OF(item, struct generator, drain);
    uint64_t now_us = clock_now_us();
    if (g->engine.actions_in_flight == 0 || now_us >= g->drain_until_us)
        end_now(g);
    else
        agenda_set(&g->engine.agenda, item, now_us + WAIT_US);
}

static void settle(struct generator *g)
{
    struct engine *e = &g->engine;
    uint64_t now_us = clock_now_us();
    e->end_us = MIN(e->end_us, now_us);
    uint64_t since_us = g->second.due_us - SECOND_US; /* of the second that is not written yet */
    if (since_us < e->end_us)
        tally_second(&e->tally, (since_us - e->tally.start_us) / SECOND_US, e->users, e->alive);
    let_settle(g);
    agenda_cancel(&e->agenda, &g->watch);
    agenda_cancel(&e->agenda, &g->second);
    agenda_cancel(&e->agenda, &g->end);
    publish(g, e->end_us);
    note_phase_end(g);
    g->drain_until_us = now_us + DRAIN_US;
    agenda_set(&e->agenda, &g->drain, now_us);
}

static void on_end(struct agenda_item *item)
{
    settle(CONTAINER_OF(item, struct generator, end));
}

static void on_second(struct agenda_item *item)
{
    struct generator *g = CONTAINER_OF(item, struct generator, second);
    struct engine *e = &g->engine;
    uint64_t due_us = item->due_us, second = (due_us - e->tally.start_us) / SECOND_US - 1;
    tally_second(&e->tally, second, e->users, e->alive);
    publish(g, due_us);
    if (tally_phase_at(&e->tally, due_us) != g->phase) {
        note_phase_end(g);
        g->phase = tally_phase_at(&e->tally, due_us);
    }
    agenda_set(&e->agenda, item, due_us + SECOND_US);
}

static void on_watch(struct agenda_item *item)
{
    struct generator *g = CONTAINER_OF(item, struct generator, watch);
    tally_lag(&g->engine.tally, item->due_us, clock_now_us());
    if (__atomic_load_n(&g->board->stop, __ATOMIC_RELAXED))
        settle(g);
    else
        agenda_set(&g->engine.agenda, item, item->due_us + WATCH_US);
}

static void begin(struct generator *g, uint64_t start_us)
{
    struct engine *e = &g->engine;
    e->end_us = start_us + scenario_duration_ms(g->scenario) * 1000;
    tally_start(&e->tally, start_us);
    set_state(g, RUNNING);
    agenda_set(&e->agenda, &g->end, e->end_us);
    agenda_set(&e->agenda, &g->second, start_us + SECOND_US);
    agenda_set(&e->agenda, &g->watch, start_us + WATCH_US);
    let_begin(g);
}

static void on_wait(struct agenda_item *item)
{
    struct generator *g = CONTAINER_OF(item, struct generator, wait);
    uint64_t start_us = __atomic_load_n(&g->board->start_us, __ATOMIC_ACQUIRE);
    if (__atomic_load_n(&g->board->stop, __ATOMIC_RELAXED))
        end_now(g);
    else if (start_us)
        begin(g, start_us);
    else
        agenda_set(&g->engine.agenda, item, clock_now_us() + WAIT_US);
}

static void on_signal(uv_signal_t *signal, int number)
{
    (void)number;
    end_now(signal->data);
}

/* --- setting up ------------------------------------------------------------------------------- */

static int load_scenario(struct generator *g, const struct generator_start *start, struct err *e)
{
    struct diagnostics d;
    diagnostics_init(&d);
    g->scenario = scenario_load(start->scenario_path, start->scale, start->users_scale, &d);
    if (!g->scenario)
        fprintf(stderr, "%s", d.text.data ? d.text.data : "");
    diagnostics_fini(&d);
    return g->scenario ? 0 : err_set(e, ERR_INVALID, "the scenario has problems");
}

static int map_board(struct generator *g, const struct generator_start *start, struct err *e)
{
    void *board =
        mmap(NULL, sizeof(*g->board), PROT_READ | PROT_WRITE, MAP_SHARED, start->board_fd, 0);
    if (board == MAP_FAILED)
        return err_system(e, "cannot map the results board");
    g->board = board;
    g->out = &g->board->generators[start->slot];
    g->out->is_probe = start->is_probe;
    g->out->is_attackers = start->is_attackers;
    return 0;
}

static int read_target(struct wire_hub *hub, struct slice target, struct err *e)
{
    char host[64];
    size_t len = slice_find(target, ':');
    uint64_t port = 0;
    bool is_right = len < MIN(target.len, sizeof(host)) && hub->target_count < WIRE_TARGETS_MAX &&
                    slice_to_u64(slice_from(target, len + 1), &port) && port > 0 && port < 65536;
    if (is_right) {
        snprintf(host, sizeof(host), "%.*s", (int)len, target.data);
        is_right = uv_ip4_addr(host, (int)port, &hub->targets[hub->target_count++]) == 0;
    }
    return is_right ? 0
                    : err_set(e, ERR_INVALID, "\"%.*s\" is not an IPv4 address and port",
                              SLICE_ARG(target));
}

static int read_targets(struct wire_hub *hub, const char *text, struct err *e)
{
    struct slice rest = slice_str(text);
    int rc = 0;
    do {
        size_t len = slice_find(rest, ',');
        rc = read_target(hub, slice_of(rest.data, len), e);
        rest = slice_from(rest, MIN(len + 1, rest.len));
    } while (rest.len > 0 && rc == 0);
    return rc;
}

static bool is_loopback(const struct sockaddr_in *address)
{
    return ntohl(address->sin_addr.s_addr) >> 24 == 127;
}

static int allow_files(uint32_t users, struct err *e)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return err_system(e, "cannot read the limit of open files");
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0)
        return err_system(e, "cannot raise the limit of open files");
    if (files.rlim_cur >= users + SPARE_FILES)
        return 0;
    return err_set(e, ERR_LIMIT, "%u users need %u files, but a process may open only %llu here",
                   users, users + SPARE_FILES, (unsigned long long)files.rlim_cur);
}

/* ln X is normal: the median is e^mu and the mean e^(mu + sigma^2 / 2). */
static struct latency think_of(const struct scenario_phase *p)
{
    double median = p->think_median_ms, mean = p->think_mean_ms;
    if (p->think_median_ms == 0 || mean <= median)
        return (struct latency){ .kind = LATENCY_FIXED, .a = median };
    return (struct latency){ .kind = LATENCY_LOGNORMAL,
                             .a = log(median),
                             .b = sqrt(2 * log(mean / median)) };
}

static void init_contents(struct engine *e, const struct generator_start *start)
{
    const struct scenario *s = e->scenario;
    seed_random(&e->random, start->seed + 0x9e3779b97f4a7c15u * (start->slot + 1));
    for (uint32_t i = 0; i < s->phase_count; i++)
        e->thinks[i] = think_of(&s->phases[i]);
    popularity_init(&e->popularity, MAX(s->load.procedures, 1), s->load.hot_procedures,
                    s->load.hot_percent);
    payload_init(&e->payload, start->seed, MAX(s->load.upload_bytes_min, 1),
                 s->load.upload_bytes_max);
    if (start->is_attackers)
        source_init_scattered(&e->source, start->slot);
    else
        source_init(&e->source, start->slot, s->load.shared_address_percent);
}

/* What tear_down() relies on. */
static void init(struct generator *g)
{
    struct engine *e = &g->engine;
    e->ledger.fd = -1;
    uv_loop_init(&e->loop);
    agenda_init(&e->agenda);
    action_pool_init(&e->actions);
    buf_init(&e->scratch, CLIENT_TLS_OUTPUT_BYTES);
    list_init(&e->waiting);
}

static int init_engine(struct generator *g, const struct generator_start *start,
                       struct err *problem)
{
    struct engine *e = &g->engine;
    e->scenario = g->scenario;
    e->host = slice_str(start->server_name);
    e->slot = start->slot;
    e->hub.loop = &e->loop;
    e->hub.agenda = &e->agenda;
    e->hub.events = start->is_attackers ? &attacker_wire_events : &user_wire_events;
    e->hub.server_name = start->server_name;
    tally_init(&e->tally, g->scenario, g->out);
    init_contents(e, start);
    int rc = client_tls_init(&e->hub.tls, start->ca_path, problem);
    if (rc == 0)
        rc = read_targets(&e->hub, start->target, problem);
    if (rc == 0)
        rc = client_ledger_open(&e->ledger, start->ledger_path, problem);
    e->hub.binds_sources = is_loopback(&e->hub.targets[0]);
    return rc;
}

static int watch_signals(struct generator *g, struct err *e)
{
    static const int numbers[] = { SIGTERM, SIGINT };
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        uv_signal_init(&g->engine.loop, &g->signals[i]);
        g->signals[i].data = g;
        int rc = uv_signal_start(&g->signals[i], on_signal, numbers[i]);
        if (rc < 0)
            return err_set(e, rc, "cannot watch for signals: %s", uv_strerror(rc));
    }
    return 0;
}

static void name_process(const struct generator_start *start)
{
    char name[32];
    snprintf(name, sizeof(name), "generator %u", start->slot);
    if (start->is_probe)
        snprintf(name, sizeof(name), "probe");
    if (start->is_attackers)
        snprintf(name, sizeof(name), "attackers");
    log_set_process(name);
}

static int set_up(struct generator *g, const struct generator_start *start, struct err *e)
{
    name_process(start);
    int rc = load_scenario(g, start, e);
    if (rc == 0)
        rc = map_board(g, start, e);
    if (rc == 0)
        rc = init_engine(g, start, e);
    if (rc)
        return rc;
    if (start->is_attackers)
        setpriority(PRIO_PROCESS, 0, NICE_LEAST);
    else if (!start->is_probe)
        coalesce_start(&g->coalesce, &g->engine.loop);
    rc = allow_files(gather(g, start), e);
    if (rc == 0)
        rc = agenda_open(&g->engine.agenda, &g->engine.loop, e);
    return rc ? rc : watch_signals(g, e);
}

static void run(struct generator *g)
{
    g->wait.on_due = on_wait;
    g->watch.on_due = on_watch;
    g->second.on_due = on_second;
    g->end.on_due = on_end;
    g->drain.on_due = on_drain;
    agenda_set(&g->engine.agenda, &g->wait, clock_now_us());
    set_state(g, READY);
    uv_run(&g->engine.loop, UV_RUN_DEFAULT);
    g->out->cpu_us = cpu_us();
    client_ledger_flush(&g->engine.ledger);
}

/* Also of what is half set up. */
static void tear_down(struct generator *g)
{
    struct engine *e = &g->engine;
    client_ledger_close(&e->ledger);
    crowd_fini(&g->crowd);
    horde_fini(&g->horde);
    payload_fini(&e->payload);
    popularity_fini(&e->popularity);
    buf_fini(&e->scratch);
    action_pool_fini(&e->actions);
    agenda_fini(&e->agenda);
    client_tls_fini(&e->hub.tls);
    uv_loop_close(&e->loop);
    scenario_free(&g->scenario);
    if (g->board)
        munmap(g->board, sizeof(*g->board));
}

int generator_main(const struct generator_start *start)
{
    struct generator *g = mem_new(sizeof(*g));
    struct err problem;
    init(g);
    int rc = set_up(g, start, &problem);
    if (rc) {
        fprintf(stderr, "cong-bench: generator %u: %s\n", start->slot, problem.text);
    } else {
        run(g);
        set_state(g, FINISHED);
    }
    bool failed = rc || g->engine.ledger.failed;
    tear_down(g);
    mem_free(g);
    return failed ? 1 : 0;
}
