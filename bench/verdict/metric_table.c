/* Every metric, one row each: the only place where they are listed. */
#include "bench/verdict/metric_kinds.h"

/* In a shorter hold the allocator's warm-up is all that can be seen. */
#define GROWTH_S 300

/* clang-format off */
#define OF(kind_of, number) .compute = metric_##kind_of, .unit = METRIC_##number
#define QUANTILE(values, q)                                                                        \
    OF(quantile, MS), .gather = metric_gather_##values, .argument = (q)
#define ERROR_ROW(word, id, text)                                                                  \
    { .name = #word "_errors", OF(error_kind, USERS), .argument = RESULTS_ERROR_##id, .doc = text }

const struct metric metric_table[] = {
    /* from the instant at which the action was planned */
    { .name = "response_p50", QUANTILE(response, 0.5), .has_classes = true,
      .doc = "response time: half are faster" },
    { .name = "response_p90", QUANTILE(response, 0.9), .has_classes = true,
      .doc = "response time: 90% are faster" },
    { .name = "response_p99", QUANTILE(response, 0.99), .has_classes = true,
      .doc = "response time: 99% are faster" },
    { .name = "response_p999", QUANTILE(response, 0.999), .has_classes = true,
      .doc = "response time: 99.9% are faster" },
    { .name = "response_p99_drift", OF(quantile_drift, PERCENT), .gather = metric_gather_response,
      .argument = 0.99, .has_classes = true,
      .doc = "how much higher response_p99 is than in the first judged phase" },
    { .name = "slow_p50", QUANTILE(slow, 0.5), .doc = "response time of users on slow links" },
    { .name = "slow_p99", QUANTILE(slow, 0.99), .doc = "response time of users on slow links" },
    /* from the instant at which it was sent */
    { .name = "service_p50", QUANTILE(service, 0.5), .has_classes = true,
      .doc = "service time: half are faster" },
    { .name = "service_p99", QUANTILE(service, 0.99), .has_classes = true,
      .doc = "service time: 99% are faster" },
    { .name = "service_p999", QUANTILE(service, 0.999), .has_classes = true,
      .doc = "service time: 99.9% are faster" },
    { .name = "probe_p50", QUANTILE(response, 0.5), .of_probe = true,
      .doc = "response time of the probe, whose schedule nothing slows" },
    { .name = "probe_p99", QUANTILE(response, 0.99), .of_probe = true,
      .doc = "response time of the probe" },
    { .name = "probe_p999", QUANTILE(response, 0.999), .of_probe = true,
      .doc = "response time of the probe" },
    { .name = "probe_p99_drift", OF(quantile_drift, PERCENT), .gather = metric_gather_response,
      .of_probe = true, .argument = 0.99,
      .doc = "how much higher probe_p99 is than in the first judged phase" },
    { .name = "handshake_p50", QUANTILE(handshake, 0.5), .doc = "connecting, with TLS" },
    { .name = "handshake_p95", QUANTILE(handshake, 0.95), .doc = "connecting, with TLS" },
    { .name = "handshake_p99", QUANTILE(handshake, 0.99), .doc = "connecting, with TLS" },
    { .name = "lag_p99", QUANTILE(lag, 0.99), .doc = "how late the generators act" },

    { .name = "error_percent", OF(error_percent, PERCENT), .has_classes = true,
      .doc = "failed actions of those attempted" },
    { .name = "error_count", OF(error_count, USERS), .has_classes = true,
      .doc = "failed actions" },
    ERROR_ROW(connect, CONNECT, "connections refused or failed"),
    ERROR_ROW(handshake, HANDSHAKE, "TLS handshakes failed"),
    ERROR_ROW(closed, CLOSED, "connections closed before the answer"),
    ERROR_ROW(cut, CUT, "answers cut short"),
    ERROR_ROW(timeout, TIMEOUT, "no answer in time"),
    ERROR_ROW(status_4xx, STATUS_4XX, "unexpected 4xx"),
    ERROR_ROW(status_5xx, STATUS_5XX, "5xx"),
    ERROR_ROW(invalid, INVALID, "answers not understood"),
    ERROR_ROW(checksum, CHECKSUM, "answers with wrong content"),
    ERROR_ROW(doubt, DOUBT, "dossiers of which nobody knows how they ended, which was told"),
    { .name = "unretried_errors", OF(unretried_errors, USERS),
      .doc = "failed actions that could have been tried again unseen: not submissions or uploads, "
             "and no answer had begun" },
    { .name = "probe_errors", OF(probe_errors, NUMBER), .doc = "failed actions of the probe" },

    { .name = "planned_per_s", OF(planned_per_s, RATE), .doc = "actions that users wanted" },
    { .name = "done_per_s", OF(done_per_s, RATE), .has_classes = true,
      .doc = "actions that were answered well" },
    { .name = "done_growth", OF(done_growth, RATE),
      .doc = "growth of done_per_s a minute; 0 when it may be chance" },
    { .name = "goodput_of_peak", OF(goodput_of_peak, PERCENT),
      .doc = "done_per_s, of the best phase's" },
    { .name = "handshakes_per_s", OF(handshakes_per_s, RATE), .doc = "TLS handshakes" },
    { .name = "resumed_percent", OF(resumed_percent, PERCENT),
      .doc = "handshakes that resumed a session" },
    { .name = "alive_min", OF(alive_min, USERS),
      .doc = "users connected and well served, in the worst second" },
    { .name = "closes", OF(closes, USERS), .doc = "connections closed" },
    { .name = "steps_missing", OF(steps_missing, NUMBER),
      .doc = "kinds of actions of which none succeeded" },

    { .name = "attackers_sent_away", OF(attackers_sent_away, USERS),
      .doc = "connections of attackers that the gateway ended, or did not let in" },
    { .name = "attackers_hanging", OF(attackers_hanging, USERS),
      .doc = "connections that attackers still had when they were called off" },
    { .name = "attack_held_max", OF(attack_held_max, MS),
      .doc = "the longest that an attacker kept a connection" },

    { .name = "gateway_memory", OF(gateway_memory_max, BYTES),
      .doc = "the most memory that the gateway had (PSS)" },
    { .name = "gateway_memory_per_user", OF(gateway_memory, BYTES),
      .doc = "the gateway's memory (PSS), beyond that before the first user; attackers' share is "
             "in it" },
    { .name = "generator_memory_per_user", OF(generator_memory, BYTES),
      .doc = "the generators' memory (PSS), beyond that before the first user" },
    { .name = "kernel_memory_per_user", OF(kernel_memory, BYTES),
      .doc = "the kernel's memory (slab), beyond that before the first user" },
    { .name = "tcp_memory", OF(tcp_memory, BYTES), .doc = "most that waits in TCP queues" },
    { .name = "memory_growth", OF(memory_growth, BYTES), .needs_s = GROWTH_S,
      .doc = "growth of the gateway's memory (RSS) a minute; 0 when it may be chance" },
    { .name = "fds_growth", OF(fds_growth, NUMBER),
      .doc = "growth of the gateway's open files a minute; 0 when it may be chance" },
    { .name = "response_p99_growth", OF(p99_growth, MS),
      .doc = "growth of each second's p99 a minute; 0 when it may be chance" },
    { .name = "cpu_us_per_request", OF(cpu_per_request, NUMBER),
      .doc = "the gateway's processor time, in microseconds" },
    { .name = "cpu_us_per_handshake", OF(cpu_per_handshake, NUMBER),
      .doc = "the same, all put down to handshakes" },
    { .name = "listen_drops", OF(listen_drops, NUMBER),
      .doc = "connections that the kernel dropped for want of room" },

    { .name = "lost", OF(lost, NUMBER), .is_whole_run = true,
      .doc = "dossiers acknowledged but not stored; always at most 0" },
    { .name = "doubled", OF(doubled, NUMBER), .is_whole_run = true,
      .doc = "dossiers stored more than once; always at most 0" },
    { .name = "untold", OF(untold, NUMBER), .is_whole_run = true,
      .doc = "dossiers without a receipt whose user was not told that they are in doubt either" },
    { .name = "wrong_content", OF(wrong_content, NUMBER), .is_whole_run = true,
      .doc = "dossiers stored with other content than was sent; always at most 0" },
};
/* clang-format on */
