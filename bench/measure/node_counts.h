/* What the nodes counted in a phase, if they could be asked at its end. */
#ifndef BENCH_MEASURE_NODE_COUNTS_H
#define BENCH_MEASURE_NODE_COUNTS_H

#include "common/base.h"

struct results_nodes {
    uint64_t requests;
    uint64_t repeats;         /* those with the X-Request-ID of an earlier one */
    uint32_t connections_max; /* that one node had at a time */
    double share_min; /* requests of the peer with the fewest, in percent of an equal share; NAN:
                         not known */
};

#endif
