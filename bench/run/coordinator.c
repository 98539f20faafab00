#include "bench/run/coordinator.h"

#include "bench/ledger/reconcile.h"
#include "bench/measure/result_sums.h"
#include "bench/run/environment.h"
#include "bench/run/faults.h"
#include "bench/run/live.h"
#include "bench/run/machine.h"
#include "bench/run/node_watch.h"
#include "bench/run/proc_file.h"
#include "bench/run/schedule.h"
#include "bench/run/so_far.h"
#include "bench/verdict/validity.h"
#include "bench/verdict/verdict.h"
#include "common/clock.h"
#include "common/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define READY_MS 60000  /* for generators to prepare */
#define LOOK_MS 50      /* while waiting for them */
#define AHEAD_US 500000 /* from the last one's being ready to the scenario's instant 0 */
#define OBSERVE_MS 250  /* before the end of each second, so that the last is in time */
#define SETTLE_MS 40    /* from a second's end until the generators have written it */
#define GRACE_MS 5000   /* beyond the request timeout, for the generators to finish */
#define MEMORY_LEFT_MIN_PERCENT 8
#define JUDGE_EVERY_S 5

struct coordinator {
    const struct coordinator_setup *setup;
    const struct scenario *scenario;
    struct placement placement;
    struct process_table processes;
    struct testbed testbed;
    struct generators generators;
    struct generators_setup generators_setup;
    char target[64];
    struct machine *machine; /* owned */
    struct node_watch nodes;
    struct live live;
    struct result *result; /* owned until it is returned */

    uint64_t start_us;
    bool faults_done[SCENARIO_FAULTS_MAX];
    uint32_t restarts; /* of the gateway's processes, as last seen */
    bool is_over;      /* before its time */
    const char *verdict;
};

static bool has_testbed(const struct coordinator *c)
{
    return c->setup->options->target.sin_family == 0;
}

static uint64_t elapsed_ms(const struct coordinator *c)
{
    uint64_t now_us = clock_now_us();
    return now_us > c->start_us ? (now_us - c->start_us) / 1000 : 0;
}

/* --- what goes into the result --------------------------------------------------------------- */

static void mark(struct coordinator *c, const char *text)
{
    struct result *r = c->result;
    char *copy = arena_printf(&r->arena, "%s", text);
    uint64_t at_ms = elapsed_ms(c);
    if (copy && r->mark_count < RESULT_MARKS_MAX)
        r->marks[r->mark_count++] = (struct result_mark){ at_ms, copy };
    live_note(&c->live, at_ms / 1000, text);
}

static void find(struct coordinator *c, const char *text)
{
    validity_find(c->result, FINDING_NOT_DELIVERED, "%s", text);
    mark(c, text);
}

/* --- beginning ------------------------------------------------------------------------------- */

static int start_testbed(struct coordinator *c, struct err *e)
{
    struct testbed *t = &c->testbed;
    int rc = testbed_init(t, e);
    return rc ? rc : testbed_start(t, e);
}

static void write_target(struct coordinator *c)
{
    const struct run_options *o = c->setup->options;
    if (has_testbed(c))
        testbed_entrance(&c->testbed, c->target, sizeof(c->target));
    else
        snprintf(c->target, sizeof(c->target), "%s", o->target_text);
}

static void describe_machine(struct coordinator *c)
{
    const struct run_options *o = c->setup->options;
    bool own = has_testbed(c);
    size_t count = own ? MIN(c->scenario->testbed.gateways, MACHINE_GATEWAYS_MAX) : 1;
    struct machine_setup setup = { .processes = &c->processes,
                                   .gateway_cores = c->placement.gateway,
                                   .generator_cores = c->placement.generators,
                                   .gateways = { { o->target, o->admin } },
                                   .gateway_count = count,
                                   .gateway_is_here = own };
    for (size_t i = 0; i < count && own; i++) {
        setup.gateways[i].address = c->testbed.gateways[i].address;
        setup.gateways[i].admin = c->testbed.gateways[i].admin;
    }
    c->machine = machine_new(&setup);
}

static int wait_for_generators(struct coordinator *c, struct err *e)
{
    enum { READY = 1 };
    uint64_t deadline_ms = clock_now_ms() + READY_MS;
    while (!generators_reached(&c->generators, READY)) {
        const struct program *ended = generators_casualty(&c->generators);
        if (interrupt_wait(c->setup->interrupt, LOOK_MS))
            return err_set(e, ERR_SYSTEM, "interrupted");
        if (ended)
            return err_set(e, ERR_SYSTEM, "%s could not begin; see %s/%s.log", ended->name,
                           c->setup->folder, ended->name);
        if (clock_now_ms() > deadline_ms)
            return err_set(e, ERR_SYSTEM, "the generators are not ready within %d s",
                           READY_MS / 1000);
    }
    return 0;
}

static int start_generators(struct coordinator *c, struct err *e)
{
    const struct run_options *o = c->setup->options;
    bool own = has_testbed(c);
    write_target(c);
    c->generators_setup =
        (struct generators_setup){ .scenario = c->scenario,
                                   .users_scale = c->setup->users_scale,
                                   .wanted = o->generators,
                                   .folder = c->setup->folder,
                                   .target = c->target,
                                   .server_name = own ? TESTBED_HOST : o->target_name,
                                   .ca_path = own ? c->testbed.certificate_path : NULL,
                                   .placement = &c->placement,
                                   .processes = &c->processes };
    int rc = generators_start(&c->generators, &c->generators_setup, e);
    return rc ? rc : wait_for_generators(c, e);
}

/* A scenario is a page of text, and so is the gateway's configuration. */
static void describe_run(struct coordinator *c)
{
    struct result *r = c->result;
    char text[16384];
    proc_file_read(c->scenario->file, text, sizeof(text));
    r->scenario_text = arena_printf(&r->arena, "%s", text);
    r->command = c->setup->command;
    if (has_testbed(c))
        r->gateway_config = arena_copy(&r->arena, buf_slice(&c->testbed.gateways[0].config)).data;
    environment_add(r, &c->placement);
}

static void watch_nodes(struct coordinator *c)
{
    const struct sockaddr_in *named = &c->setup->options->node;
    if (has_testbed(c))
        node_watch_init(&c->nodes, c->scenario, c->testbed.node_addresses,
                        c->scenario->testbed.nodes);
    else
        node_watch_init(&c->nodes, c->scenario, named, named->sin_family != 0);
}

static int prepare(struct coordinator *c, struct err *e)
{
    placement_choose(&c->placement);
    sched_setaffinity(0, sizeof(c->placement.generators), &c->placement.generators);
    process_table_enrol(&c->processes, getpid(), ROLE_OURS);
    c->testbed = (struct testbed){ .scenario = c->scenario,
                                   .folder = c->setup->folder,
                                   .placement = &c->placement,
                                   .processes = &c->processes,
                                   .interrupt = c->setup->interrupt };
    int rc = has_testbed(c) ? start_testbed(c, e) : 0;
    if (rc == 0)
        rc = start_generators(c, e);
    if (rc)
        return rc;
    describe_machine(c);
    describe_run(c);
    watch_nodes(c);
    machine_observe(c->machine, false, &c->result->before);
    return 0;
}

/* --- the run --------------------------------------------------------------------------------- */

static void apply_due_faults(struct coordinator *c)
{
    struct faults_target target = { &c->testbed, &c->generators, &c->generators_setup, &c->nodes };
    uint64_t now_ms = elapsed_ms(c);
    for (uint32_t i = 0; i < c->scenario->fault_count; i++) {
        const struct scenario_fault *fault = &c->scenario->faults[i];
        char text[512];
        if (c->faults_done[i] || schedule_fault_ms(c->scenario, fault) > now_ms)
            continue;
        c->faults_done[i] = true;
        if (faults_apply(fault, &target, text, sizeof(text)))
            mark(c, text);
        else
            find(c, text);
    }
}

/* When the next fault is due, from the start; UINT64_MAX: none is left. */
static uint64_t next_fault_ms(const struct coordinator *c)
{
    uint64_t next_ms = UINT64_MAX;
    for (uint32_t i = 0; i < c->scenario->fault_count; i++)
        if (!c->faults_done[i])
            next_ms = MIN(next_ms, schedule_fault_ms(c->scenario, &c->scenario->faults[i]));
    return next_ms;
}

/* Has it ended, though nobody asked it to? Says so only once. */
static bool has_died(struct program *p, char *out, size_t size)
{
    if (!p->pid || program_runs(p))
        return false;
    program_describe_end(p, out, size);
    return true;
}

static void look_for_casualties(struct coordinator *c)
{
    char end[64], text[160];
    struct testbed *t = &c->testbed;
    const struct program *generator = generators_casualty(&c->generators);
    if (generator) {
        program_describe_end(generator, end, sizeof(end));
        snprintf(text, sizeof(text), "%s, so the run was ended", end);
        find(c, text);
        c->is_over = true;
    }
    for (size_t i = 0; i < TESTBED_GATEWAYS_MAX; i++) {
        if (!has_died(&t->gateways[i].program, end, sizeof(end)))
            continue;
        snprintf(text, sizeof(text), "the %s, so the run was ended", end);
        mark(c, text);
        c->is_over = true;
    }
    for (size_t i = 0; i < TESTBED_NODES_MAX; i++)
        if (has_died(&t->nodes[i], end, sizeof(end)))
            mark(c, end);
    for (size_t i = 0; i < TESTBED_GATEWAYS_MAX; i++)
        if (has_died(&t->commands[i], end, sizeof(end)) && t->commands[i].wait_status != 0)
            mark(c, end);
}

static void look_at_gateway(struct coordinator *c)
{
    char text[96];
    uint32_t restarts = machine_gateway_restarts(c->machine);
    if (restarts > c->restarts) {
        snprintf(text, sizeof(text), "the gateway replaced %u of its processes",
                 restarts - c->restarts);
        mark(c, text);
    }
    c->restarts = restarts;
}

static void look_at_memory(struct coordinator *c)
{
    char text[128];
    double left = machine_memory_left(c->machine);
    if (left >= MEMORY_LEFT_MIN_PERCENT)
        return;
    snprintf(text, sizeof(text),
             "only %.1f%% of the memory was left, less than %d%%, so the run was ended", left,
             MEMORY_LEFT_MIN_PERCENT);
    find(c, text);
    c->is_over = true;
}

/* After the last one everybody leaves, which a long observation would see. */
static void observe(struct coordinator *c, uint32_t second, bool is_last)
{
    machine_observe(c->machine, is_last, &c->result->machine[second]);
    look_for_casualties(c);
    look_at_gateway(c);
    look_at_memory(c);
}

static void show(struct coordinator *c, uint32_t second)
{
    if ((second + 1) % JUDGE_EVERY_S == 0)
        c->verdict = so_far_verdict(c->result, c->generators.board, second + 1);
    struct live_state now = { .elapsed_s = second + 1,
                              .board = c->generators.board,
                              .users_planned = schedule_users(c->scenario, (second + 1) * 1000ull),
                              .verdict = c->verdict };
    live_show(&c->live, &now);
}

/* Until then, or the next fault is due, or the run is interrupted. */
static void wait_for_next(struct coordinator *c, uint64_t until_ms)
{
    uint64_t now_ms = elapsed_ms(c);
    until_ms = MIN(until_ms, next_fault_ms(c));
    if (clock_now_us() < c->start_us) /* not begun yet */
        until_ms += (c->start_us - clock_now_us()) / 1000;
    if (interrupt_wait(c->setup->interrupt, until_ms > now_ms ? until_ms - now_ms : 0)) {
        mark(c, "interrupted");
        c->result->interrupted = c->is_over = true;
    }
}

/* Returns how many seconds were run. */
static uint32_t watch(struct coordinator *c)
{
    uint32_t seconds = (uint32_t)((scenario_duration_ms(c->scenario) + 999) / 1000);
    uint32_t observed = 0, shown = 0;
    c->start_us = clock_now_us() + AHEAD_US;
    c->result->started_unix_s = clock_wall_ms() / 1000;
    generators_begin(&c->generators, c->start_us);
    while (shown < seconds && !c->is_over) {
        uint64_t observe_ms = (observed + 1) * 1000ull - OBSERVE_MS;
        uint64_t show_ms = (shown + 1) * 1000ull + SETTLE_MS;
        wait_for_next(c, observed < seconds ? MIN(observe_ms, show_ms) : show_ms);
        node_watch_phase(&c->nodes, schedule_phase(c->scenario, elapsed_ms(c)), c->result);
        apply_due_faults(c);
        uint64_t now_ms = elapsed_ms(c);
        if (observed < seconds && now_ms >= observe_ms && !c->is_over) {
            observe(c, observed, observed == seconds - 1);
            observed++;
        }
        if (now_ms >= show_ms && !c->is_over)
            show(c, shown++);
    }
    node_watch_phase(&c->nodes, c->scenario->phase_count, c->result);
    return shown;
}

/* --- the end --------------------------------------------------------------------------------- */

/* Generators answer what is under way; Ctrl-C again shortens that. */
static void let_finish(struct coordinator *c)
{
    enum { FINISHED = 3 };
    uint64_t patience_ms = c->scenario->load.request_timeout_ms + GRACE_MS;
    uint64_t deadline_ms = clock_now_ms() + patience_ms;
    bool raised_before = c->setup->interrupt->raised;
    if (c->is_over)
        generators_ask_to_stop(&c->generators);
    while (!generators_reached(&c->generators, FINISHED) && !generators_casualty(&c->generators) &&
           clock_now_ms() < deadline_ms && (raised_before || !c->setup->interrupt->raised))
        interrupt_wait(c->setup->interrupt, LOOK_MS);
    generators_ask_to_stop(&c->generators);
}

static void stop_all(struct coordinator *c)
{
    generators_stop(&c->generators);
    testbed_stop(&c->testbed);
}

static int read_journals(const struct coordinator *c, struct reconcile *ledger, struct err *e)
{
    const struct run_options *o = c->setup->options;
    uint32_t count = has_testbed(c) ? testbed_journal_count(&c->testbed) : o->journal_count;
    char own[PATH_MAX];
    int rc = 0;
    for (uint32_t i = 0; i < count && rc == 0; i++) {
        if (has_testbed(c))
            testbed_journal_path(&c->testbed, i, own);
        rc = reconcile_journal(ledger, has_testbed(c) ? own : o->journals[i], e);
    }
    return rc;
}

static int read_ledgers(const struct coordinator *c, struct reconcile *ledger, struct err *e)
{
    const struct generators *g = &c->generators;
    int rc = 0;
    for (uint32_t i = 0; i < g->load_count && rc == 0; i++)
        rc = reconcile_ledger(ledger, g->ledgers[i], e);
    return rc ? rc : read_journals(c, ledger, e);
}

static void reconcile(struct coordinator *c)
{
    struct err e;
    if (!has_testbed(c) && c->setup->options->journal_count == 0)
        return;
    struct reconcile *ledger = reconcile_new();
    if (read_ledgers(c, ledger, &e) == 0)
        reconcile_count(ledger, &c->result->ledger);
    else
        validity_find(c->result, FINDING_NOT_DELIVERED, "the ledger cannot be made up: %s", e.text);
    reconcile_free(&ledger);
}

static void finish(struct coordinator *c, uint32_t seconds)
{
    struct result *r = c->result;
    let_finish(c);
    stop_all(c);
    r->second_count = seconds;
    result_collect(r, c->generators.board);
    reconcile(c);
    verdict_judge(r);
}

static void fini(struct coordinator *c)
{
    stop_all(c);
    generators_fini(&c->generators);
    testbed_fini(&c->testbed);
    machine_free(&c->machine);
}

struct result *coordinator_run(const struct coordinator_setup *setup, struct err *e)
{
    struct coordinator *c = mem_new(sizeof(*c));
    uint64_t duration_ms = scenario_duration_ms(setup->scenario);
    c->setup = setup;
    c->scenario = setup->scenario;
    c->generators.board_fd = -1;
    c->result = result_new(setup->scenario, (uint32_t)((duration_ms + 999) / 1000));
    live_init(&c->live, c->scenario, setup->options->plain_output);
    if (prepare(c, e) == 0)
        finish(c, watch(c));
    else
        result_free(&c->result);
    live_end(&c->live);
    struct result *r = c->result;
    fini(c);
    mem_free(c);
    return r;
}
