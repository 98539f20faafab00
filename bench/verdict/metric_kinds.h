/* How metrics are computed: one function for each kind, to which metric_table.c gives its argument.
 * All have the shape of struct metric's `compute` or `gather`. */
#ifndef BENCH_VERDICT_METRIC_KINDS_H
#define BENCH_VERDICT_METRIC_KINDS_H

#include "bench/verdict/metric.h"

typedef struct metric_value metric_kind_fn(const struct metric *m,
                                           const struct metric_scope *scope);
typedef void metric_gather_fn(const struct results_phase *p, const struct metric_scope *scope,
                              struct hdr *into);

/* metric_times.c */
metric_gather_fn metric_gather_response, metric_gather_service, metric_gather_slow,
    metric_gather_handshake, metric_gather_lag, metric_gather_wait;
metric_kind_fn metric_quantile;       /* argument: which */
metric_kind_fn metric_quantile_drift; /* of the scope's last phase, from the first judged one */
/* The two phases that such a metric compares. */
void metric_first_and_last(const struct metric_scope *scope, struct metric_scope *first,
                           struct metric_scope *last);

/* metric_counts.c */
metric_kind_fn metric_error_percent, metric_error_count, metric_unretried_errors,
    metric_probe_errors;
metric_kind_fn metric_error_kind; /* argument: enum results_error */
metric_kind_fn metric_done_per_s, metric_planned_per_s, metric_handshakes_per_s,
    metric_goodput_of_peak;
metric_kind_fn metric_resumed_percent, metric_alive_min, metric_closes, metric_steps_missing;
metric_kind_fn metric_lost, metric_doubled, metric_wrong_content, metric_untold, metric_resent;

/* metric_nodes.c */
metric_kind_fn metric_node_connections, metric_node_repeats, metric_peer_share;
metric_kind_fn metric_peer_share_loss; /* as metric_quantile_drift */

/* metric_attacks.c */
metric_kind_fn metric_attackers_sent_away, metric_attackers_hanging, metric_attack_held_max;

/* metric_machine.c */
metric_kind_fn metric_gateway_memory_max, metric_gateway_memory, metric_generator_memory,
    metric_kernel_memory, metric_tcp_memory;
metric_kind_fn metric_cpu_per_request, metric_cpu_per_handshake, metric_listen_drops;
metric_kind_fn metric_memory_growth, metric_in_use_growth, metric_allocated_growth,
    metric_fds_growth, metric_p99_growth, metric_done_growth;

#endif
