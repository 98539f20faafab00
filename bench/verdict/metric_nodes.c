/* What the nodes counted. */
#include "bench/verdict/metric_kinds.h"

#include <math.h>

static bool is_known(const struct results_nodes *n)
{
    return n->requests > 0;
}

struct metric_value metric_node_connections(const struct metric *m,
                                            const struct metric_scope *scope)
{
    struct metric_value most = metric_unknown();
    (void)m;
    for (uint32_t i = 0; i < scope->result->scenario->phase_count; i++) {
        const struct results_nodes *n = &scope->result->nodes[i];
        if (metric_takes_phase(scope, i) && is_known(n) &&
            (!most.is_known || n->connections_max > most.value))
            most = metric_exactly(n->connections_max);
    }
    return most;
}

struct metric_value metric_node_repeats(const struct metric *m, const struct metric_scope *scope)
{
    double requests = 0, repeats = 0;
    (void)m;
    for (uint32_t i = 0; i < scope->result->scenario->phase_count; i++) {
        if (!metric_takes_phase(scope, i))
            continue;
        requests += (double)scope->result->nodes[i].requests;
        repeats += (double)scope->result->nodes[i].repeats;
    }
    return metric_percent(repeats, requests);
}

struct metric_value metric_peer_share(const struct metric *m, const struct metric_scope *scope)
{
    struct metric_value least = metric_unknown();
    (void)m;
    for (uint32_t i = 0; i < scope->result->scenario->phase_count; i++) {
        double share = scope->result->nodes[i].share_min;
        if (metric_takes_phase(scope, i) && isfinite(share) &&
            (!least.is_known || share < least.value))
            least = metric_exactly(share);
    }
    return least;
}

struct metric_value metric_peer_share_loss(const struct metric *m, const struct metric_scope *scope)
{
    struct metric_scope first, last;
    metric_first_and_last(scope, &first, &last);
    struct metric_value before = metric_peer_share(m, &first), after = metric_peer_share(m, &last);
    if (!before.is_known || !after.is_known || before.value <= 0)
        return metric_unknown();
    return metric_exactly(100 * (1 - after.value / before.value));
}
