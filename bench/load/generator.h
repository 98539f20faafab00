/* One generator process of a run: its share of the users, on one thread and one loop.
 *
 * The coordinator forks and calls generator_main() in the new process. The generator reads the
 * scenario itself, maps the results board, builds its users, sets `state` of its slot to 1 (ready)
 * and waits until the coordinator stores `start_us`, best a moment ahead. From then on it writes
 * into `board->generators[slot]`, and nowhere else on the board.
 *
 * At the end of the last phase, or when `stop` is set, nobody begins anything any more; actions in
 * flight have another five seconds, and what is not answered by then (a large upload on a slow
 * link) counts as planned and issued only. Then everybody leaves, and `state` becomes 3. SIGTERM
 * and SIGINT end it at once. */
#ifndef BENCH_LOAD_GENERATOR_H
#define BENCH_LOAD_GENERATOR_H

#include "bench/measure/results.h"

#define GENERATOR_USERS_MAX 15200 /* with 20,000 files a process */

struct generator_start {
    const char *scenario_path;
    double scale, users_scale; /* as scenario_load() takes them */
    uint64_t seed;             /* of the run; each slot derives its own */
    int board_fd;              /* a shared memory file of sizeof(struct results_board) */
    uint32_t slot;             /* of the board; also part of the idempotency keys */
    uint32_t share, shares;    /* this is the `share`-th (from 0) of `shares` load generators */
    bool is_probe;             /* then share is ignored: the scenario's probe users, all of them */
    bool is_attackers;         /* likewise: all attackers; it steps back for everybody else */
    const char *target;        /* address and port of the gateway, "127.0.0.1:8443"; or several,
                                  separated by commas, taken in turn */
    const char *server_name;   /* SNI, host and the name that the certificate is checked for */
    const char *ca_path;       /* PEM; NULL: certificates are not checked */
    const char *ledger_path;   /* a new file; NULL: no ledger */
};

/* Returns the process's exit code: 0, 1 when it could not begin (a sentence on standard error). */
int generator_main(const struct generator_start *start);

#endif
