/* What was measured: plain memory that each generator process fills in for itself (shared mapping,
 * one writer a slot, relaxed atomics where the coordinator reads while it runs), that the
 * coordinator adds up, and that report, compare and merge read back from JSON. */
#ifndef BENCH_MEASURE_RESULTS_H
#define BENCH_MEASURE_RESULTS_H

#include "bench/measure/attacks.h"
#include "bench/measure/band.h"
#include "bench/measure/histogram.h"
#include "bench/measure/node_counts.h"
#include "bench/scenario/scenario.h"

#define RESULTS_SECONDS_MAX 20000 /* longest run, in seconds */
#define RESULTS_GENERATORS_MAX 16
#define RESULTS_PROCEDURES_MAX 2000 /* the most asked for; those beyond are not told apart */

/* Everything that can go wrong with an action, each counted apart. */
#define RESULTS_ERRORS(ERROR)                                                                      \
    ERROR(CONNECT, "connection refused or failed")                                                 \
    ERROR(HANDSHAKE, "TLS handshake failed")                                                       \
    ERROR(CLOSED, "connection closed before the answer")                                           \
    ERROR(CUT, "answer cut short")                                                                 \
    ERROR(TIMEOUT, "no answer in time")                                                            \
    ERROR(STATUS_4XX, "unexpected 4xx")                                                            \
    ERROR(STATUS_5XX, "5xx")                                                                       \
    ERROR(INVALID, "answer not understood")                                                        \
    ERROR(CHECKSUM, "wrong content")                                                               \
    ERROR(GENERATOR, "the generator could not start it")                                           \
    ERROR(DOUBT, "told that nobody knows how it ended")

enum results_error {
#define ERROR(id, text) RESULTS_ERROR_##id,
    RESULTS_ERRORS(ERROR)
#undef ERROR
        RESULTS_ERROR_COUNT
};

const char *results_error_name(enum results_error error); /* a word for files: "status_5xx" */
const char *results_error_text(enum results_error error); /* a phrase for people */

/* One second of one generator. */
struct results_second {
    uint32_t users, alive; /* at its end; alive: connected and their last action answered in full */
    uint32_t planned, issued, done, errors;
    uint32_t connects, closes;
    uint32_t response_max_us, response_p99_us; /* of that second, response clock */
    uint32_t lag_p99_us;                       /* how late the generator woke up */
    uint32_t response[BAND_COUNT];             /* of that second, response clock; band_of(us) */
};

/* What users of one group met: told apart where a scenario breaks provinces. */
struct results_group {
    uint64_t planned, done, errors;
    struct hdr
        wait; /* from the planned instant to any answer, or to the failure; without slow links
               */
};

struct results_phase {
    struct hdr service[CLASS_COUNT];  /* from the actual send to the answer's last byte */
    struct hdr response[CLASS_COUNT]; /* from the planned instant */
    struct hdr slow_response; /* users on slow links, all classes: what their link takes is theirs,
                                 so they are not in the clocks of the classes above */
    struct hdr handshake;     /* TCP connect and TLS, from the planned instant */
    struct hdr lag;           /* actual minus planned start of actions */
    uint64_t planned, issued, done, sent_late; /* sent_late: more than 50 ms after plan */
    uint64_t retried; /* attempts that failed and were followed by another: no errors */
    uint64_t errors[RESULTS_ERROR_COUNT];
    uint64_t steps[STEP_COUNT], step_errors[STEP_COUNT];
    uint64_t handshakes_full, handshakes_resumed;
    uint64_t bytes_sent, bytes_received;
    struct results_group groups[GROUP_COUNT]; /* [GROUP_ANY]: the probe's */
};

/* The page of one procedure of the catalogue, over the whole run. */
struct results_procedure {
    uint32_t done, errors;
    uint32_t response[BAND_COUNT]; /* response clock, without slow links; band_of(us) */
};

struct results_generator {
    uint32_t state; /* 0 starting, 1 ready, 2 running, 3 finished */
    uint32_t users, alive;
    uint32_t is_probe, is_attackers;
    uint64_t pss_bytes; /* of this process, at the end of each judged phase: the largest */
    uint64_t cpu_us;
    struct results_phase phases[SCENARIO_PHASES_MAX];
    struct results_attacks attacks[SCENARIO_PHASES_MAX]; /* by the attackers' process alone */
    struct results_second seconds[RESULTS_SECONDS_MAX];
    struct results_procedure procedures[RESULTS_PROCEDURES_MAX];
};

/* Does it speak for users? The probe and the attackers are told apart from them. */
static inline bool results_is_of_users(const struct results_generator *g)
{
    return !g->is_probe && !g->is_attackers;
}

/* The mapping; only touched pages cost memory. */
struct results_board {
    uint64_t start_us; /* monotonic: the instant 0 of the scenario, set when all are ready */
    uint32_t stop;     /* the coordinator asks everybody to end */
    uint32_t generator_count;
    struct results_generator generators[RESULTS_GENERATORS_MAX];
};

/* What the coordinator sees of the machine each second. */
struct results_machine {
    double core_busy[2], steal, foreign; /* percent; foreign: CPU of processes that are not ours */
    double gateway_cpu, generators_cpu, nodes_cpu; /* percent of one core */
    double attackers_cpu;                          /* percent of the generators' cores */
    uint64_t gateway_pss, generators_pss; /* bytes; read now and then, the last one in between */
    uint64_t gateway_rss, kernel_slab, tcp_memory; /* bytes; read each second */
    uint64_t gateway_allocated, gateway_in_use;    /* bytes; what its allocators say, or 0 */
    uint32_t kernel_sockets, gateway_connections, gateway_fds;
    uint64_t listen_drops;
    double pressure; /* percent of the time that somebody waited for a core (PSI) */
};

#endif
