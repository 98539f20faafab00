/* What the coordinator sees of the machine, second by second, out of /proc and from the gateway's
 * metrics: the other two witnesses beside the generators.
 *
 * Shares are of the time since the last observation. Memory by process, descriptors and the
 * kernel's count of sockets cost more the more users there are; they are looked up as often as
 * that takes 2% of a core, and stand still in between. */
#ifndef RUN_MACHINE_H
#define RUN_MACHINE_H

#include "bench/measure/results.h"
#include "bench/run/process_table.h"

#include <netinet/in.h>
#include <sched.h>

#define MACHINE_GATEWAYS_MAX 2

struct machine;

struct machine_setup {
    struct process_table *processes;          /* borrowed; read by each observation */
    cpu_set_t gateway_cores, generator_cores; /* the same when there is only one core */
    struct {
        struct sockaddr_in address; /* where users connect */
        struct sockaddr_in admin;   /* its metrics; family 0: none */
    } gateways[MACHINE_GATEWAYS_MAX];
    size_t gateway_count;
    bool gateway_is_here; /* else on another machine */
};

struct machine *machine_new(const struct machine_setup *setup);
void machine_free(struct machine **m);

/* `quick`: without what is expensive, due or not. */
void machine_observe(struct machine *m, bool quick, struct results_machine *out);
/* Of the last observation: memory left for new work, in percent of all. */
double machine_memory_left(const struct machine *m);
/* Of the last answer of the gateway's metrics: workers and keepers that died and were replaced. */
uint32_t machine_gateway_restarts(const struct machine *m);

#endif
