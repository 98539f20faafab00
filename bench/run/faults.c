#include "bench/run/faults.h"

#include "bench/scenario/province.h"

#include <signal.h>
#include <stdio.h>

/* NULL with a sentence in `e` when there is none, or when it is not as wanted. */
static struct program *find_node(struct testbed *t, uint32_t index, bool runs, struct err *e)
{
    if (index >= t->scenario->testbed.nodes)
        err_set(e, ERR_INVALID, "there is no such node");
    else if (program_runs(&t->nodes[index]) != runs)
        err_set(e, ERR_INVALID, runs ? "it does not run" : "it runs already");
    else
        return &t->nodes[index];
    return NULL;
}

static int signal_node(struct testbed *t, uint32_t index, int number, struct err *e)
{
    struct program *node = find_node(t, index, true, e);
    if (!node)
        return ERR_INVALID;
    program_signal(node, number);
    return 0;
}

/* It is known to have ended, so that nobody takes it for an accident. */
static int kill_node(struct testbed *t, uint32_t index, struct err *e)
{
    struct program *node = find_node(t, index, true, e);
    if (!node)
        return ERR_INVALID;
    program_stop(node, SIGKILL, 0);
    return 0;
}

static int start_node(struct testbed *t, uint32_t index, struct err *e)
{
    return find_node(t, index, false, e) ? testbed_start_node(t, index, e) : ERR_INVALID;
}

static int kill_gateway(struct testbed *t, uint32_t index, struct err *e)
{
    struct program *gateway = &t->gateways[index].program;
    if (!program_runs(gateway))
        return err_set(e, ERR_INVALID, "it does not run");
    program_stop(gateway, SIGKILL, 0);
    return 0;
}

static int start_gateway(struct testbed *t, uint32_t index, struct err *e)
{
    if (program_runs(&t->gateways[index].program))
        return err_set(e, ERR_INVALID, "it runs already");
    return testbed_start_gateway(t, index, e);
}

static int kill_worker(struct testbed *t, uint32_t slot, struct err *e)
{
    pid_t pid = process_table_worker(t->processes, slot);
    return pid && kill(pid, SIGKILL) == 0 ? 0 : err_set(e, ERR_INVALID, "there is no such worker");
}

static const char *outage_word(enum scenario_fault_action action)
{
    switch (action) {
    case FAULT_HANG:
        return "hangs";
    case FAULT_SLOW:
        return "takes";
    case FAULT_RESET:
        return "resets";
    case FAULT_FLAP:
        return "flaps every";
    default:
        return "is mended";
    }
}

/* "an-giang hangs" */
static void describe_outage(const struct scenario_fault *f, char *out, size_t size)
{
    const char *who = f->of_system ? SCENARIO_SYSTEM : "everything";
    if (f->province != FAULT_EVERYWHERE)
        who = province_name(f->province);
    size_t len = (size_t)snprintf(out, size, "%s %s", who, outage_word(f->action));
    if (f->time_ms > 0 && len < size)
        snprintf(out + len, size - len, " %g s", (double)f->time_ms / 1000);
}

static int do_fault(const struct scenario_fault *fault, const struct faults_target *target,
                    struct err *e)
{
    struct testbed *t = target->testbed;
    if (scenario_fault_is_outage(fault))
        return node_watch_break(target->nodes, fault, e);
    switch (fault->action) {
    case FAULT_KILL_NODE:
        return kill_node(t, fault->argument, e);
    case FAULT_STOP_NODE:
        return signal_node(t, fault->argument, SIGSTOP, e);
    case FAULT_CONTINUE_NODE:
        return signal_node(t, fault->argument, SIGCONT, e);
    case FAULT_LOSE_DOSSIER:
        return signal_node(t, fault->argument, SIGUSR1, e);
    case FAULT_START_NODE:
        return start_node(t, fault->argument, e);
    case FAULT_RELOAD:
        return testbed_reload(t, e);
    case FAULT_KILL_WORKER:
        return kill_worker(t, fault->argument, e);
    case FAULT_KILL_GATEWAY:
        return kill_gateway(t, fault->argument, e);
    case FAULT_START_GATEWAY:
        return start_gateway(t, fault->argument, e);
    case FAULT_KILL_REDIS:
        program_stop(&t->redis, SIGKILL, 0);
        return 0;
    case FAULT_START_REDIS:
        return testbed_start_redis(t, e);
    case FAULT_DROP_CONNECTIONS:
        program_signal(&t->relay, SIGUSR1);
        return 0;
    case FAULT_STARVE_GENERATOR:
        return generators_starve(target->generators, target->generators_setup, fault->argument, e);
    default:
        break;
    }
    return err_set(e, ERR_INVALID, "unknown fault");
}

/* Nodes are counted from 0, but named from 1. */
static void describe(const struct scenario_fault *fault, char *out, size_t size)
{
    static const struct {
        const char *before, *after;
        enum { NO_NUMBER, NODE, NUMBER } shows;
    } sentences[] = {
        [FAULT_KILL_NODE] = { "node-", " is killed", NODE },
        [FAULT_STOP_NODE] = { "node-", " is stopped", NODE },
        [FAULT_CONTINUE_NODE] = { "node-", " goes on", NODE },
        [FAULT_START_NODE] = { "node-", " is started again", NODE },
        [FAULT_RELOAD] = { "the gateway reloads its configuration", "", NO_NUMBER },
        [FAULT_KILL_WORKER] = { "worker ", " of the gateway is killed", NUMBER },
        [FAULT_KILL_GATEWAY] = { "gateway-", " is killed", NODE },
        [FAULT_START_GATEWAY] = { "gateway-", " is started again", NODE },
        [FAULT_KILL_REDIS] = { "Redis is killed", "", NO_NUMBER },
        [FAULT_START_REDIS] = { "Redis is started again", "", NO_NUMBER },
        [FAULT_DROP_CONNECTIONS] = { "", "% of the connections are dropped", NUMBER },
        [FAULT_LOSE_DOSSIER] = { "node-", " loses a dossier", NODE },
        [FAULT_STARVE_GENERATOR] = { "", " busy loops take the generators' cores", NUMBER },
    };
    char number[16] = "";
    if (scenario_fault_is_outage(fault)) {
        describe_outage(fault, out, size);
        return;
    }
    if (sentences[fault->action].shows != NO_NUMBER)
        snprintf(number, sizeof(number), "%u",
                 fault->argument + (sentences[fault->action].shows == NODE));
    snprintf(out, size, "%s%s%s", sentences[fault->action].before, number,
             sentences[fault->action].after);
}

bool faults_apply(const struct scenario_fault *fault, const struct faults_target *target, char *out,
                  size_t size)
{
    struct err e;
    char what[128];
    describe(fault, what, sizeof(what));
    if (do_fault(fault, target, &e) != 0) {
        snprintf(out, size, "a fault could not be done, \"%s\": %s", what, e.text);
        return false;
    }
    snprintf(out, size, "%s", what);
    return true;
}

bool faults_need_testbed(const struct scenario *s, bool has_node)
{
    for (uint32_t i = 0; i < s->fault_count; i++) {
        const struct scenario_fault *f = &s->faults[i];
        bool is_possible =
            scenario_fault_is_outage(f) ? has_node : f->action == FAULT_STARVE_GENERATOR;
        if (!is_possible)
            return true;
    }
    return false;
}
