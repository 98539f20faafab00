/* The generator processes of a run and the board that they write to: as many as the users need
 * under the limit of descriptors, the probe, and one for all attackers. */
#ifndef RUN_GENERATORS_H
#define RUN_GENERATORS_H

#include "bench/measure/results.h"
#include "bench/run/placement.h"
#include "bench/run/process_table.h"
#include "bench/run/program.h"

#include <limits.h>

#define GENERATORS_BUSY_LOOPS_MAX 16

struct generators {
    struct results_board *board; /* owned mapping */
    int board_fd;                /* owned */
    struct program programs[RESULTS_GENERATORS_MAX];
    char ledgers[RESULTS_GENERATORS_MAX][PATH_MAX]; /* of those that keep one */
    uint32_t load_count; /* the first ones, who have the users and keep ledgers */
    uint32_t count;      /* with the probe and the attackers, in this order */
    bool has_probe, has_attackers;
    struct program busy_loops[GENERATORS_BUSY_LOOPS_MAX];
    uint32_t busy_loop_count;
};

/* As cong-bench run got them; all borrowed. */
struct generators_setup {
    const struct scenario *scenario;
    double users_scale;
    uint32_t wanted; /* 0: as many as are needed */
    const char *folder;
    const char *target;      /* "127.0.0.1:8443" */
    const char *server_name; /* for SNI and Host */
    const char *ca_path;     /* NULL: certificates are not checked */
    const struct placement *placement;
    struct process_table *processes;
};

/* Starts them all; what did start is left for generators_stop(). */
int generators_start(struct generators *g, const struct generators_setup *setup,
                     struct err *e) MUST_CHECK;
/* Are all at least in this state (see struct results_generator)? */
bool generators_reached(const struct generators *g, uint32_t state);
/* One that has ended without having finished; NULL when there is none. */
const struct program *generators_casualty(struct generators *g);
/* Sets the instant 0 of the scenario. */
void generators_begin(struct generators *g, uint64_t start_us);
/* Asks them to end, and does not wait. */
void generators_ask_to_stop(struct generators *g);
void generators_stop(struct generators *g);
/* Unmaps the board. */
void generators_fini(struct generators *g);

/* A fault: busy loops on their cores, to which they have to give way. */
int generators_starve(struct generators *g, const struct generators_setup *setup, uint32_t loops,
                      struct err *e) MUST_CHECK;

#endif
