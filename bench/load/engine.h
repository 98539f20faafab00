/* What the people of one generator process share: loop, agenda, connections, randomness, contents,
 * and where everything is written down. Made and ended by generator.c. */
#ifndef LOAD_ENGINE_H
#define LOAD_ENGINE_H

#include "bench/load/action.h"
#include "bench/load/client_ledger.h"
#include "bench/load/popularity.h"
#include "bench/load/source.h"
#include "bench/load/wire.h"
#include "bench/node/latency.h"

struct engine {
    uv_loop_t loop;
    const struct scenario *scenario; /* borrowed */
    struct slice host;               /* borrowed; of the Host header */
    uint32_t slot;                   /* part of the idempotency keys */
    uint64_t end_us;                 /* of the scenario: nothing is planned beyond it */
    bool is_over;                    /* nobody begins anything any more */

    struct agenda agenda;
    struct wire_hub hub;
    struct tally tally;
    struct client_ledger ledger;
    struct action_pool actions;
    struct popularity popularity;
    struct payload payload;
    struct source source;
    struct random random;
    struct latency thinks[SCENARIO_PHASES_MAX];
    struct buf scratch; /* for one event */

    struct list waiting;   /* users, by `link`: for the crowd to let them connect again */
    uint32_t users, alive; /* connected; and their last action was answered in full */
    uint32_t actions_in_flight;
};

#endif
