/* One finished run: what was planned, measured, observed and judged. The coordinator fills it in,
 * bench/verdict adds outcomes, findings and the verdict, bench/report writes it as result.json and
 * reads it back, for report, compare and merge.
 *
 * Strings live in the result's arena (arena_printf(&r->arena, ...)) or outlive it. One owner. */
#ifndef BENCH_MEASURE_RESULT_H
#define BENCH_MEASURE_RESULT_H

#include "bench/measure/results.h"

#define RESULT_OUTCOMES_MAX SCENARIO_CRITERIA_MAX
#define RESULT_FINDINGS_MAX 64
#define RESULT_FACTS_MAX 64
#define RESULT_MARKS_MAX 160
#define RESULT_TRIALS_MAX 64

/* The values are exit codes of cong-bench. */
enum result_verdict { RESULT_PASS = 0, RESULT_FAIL = 1, RESULT_INVALID = 2 };

/* One criterion of the scenario, judged. */
struct result_outcome {
    const char *text; /* as written in the scenario */
    const char *unit; /* "ms", "%", "s", "bytes" or "" (a count): for printing value and limit */
    bool at_least;    /* else at most */
    double limit, value;
    double low, high; /* 95% confidence interval of the value; both NAN when there is none */
    double margin;    /* what is left to the limit, in percent of it; negative when missed */
    bool measured;    /* false: there was too little to tell, which is not ok */
    bool ok;
};

/* Something that bears on whether the numbers can be believed. */
enum result_gravity { FINDING_NOTE, FINDING_DISTURBED, FINDING_NOT_DELIVERED };
struct result_finding {
    enum result_gravity gravity;
    const char *text; /* a whole sentence with figure and limit */
};

/* A fact about the machine or the programs. compare refuses results whose machine facts differ. */
struct result_fact {
    const char *name, *value;
    bool is_machine;
};

/* Something that happened, drawn on the time line: a fault, a reload, an abort. */
struct result_mark {
    uint64_t at_ms; /* from the start */
    const char *text;
};

/* One step of a capacity search. */
struct result_trial {
    uint32_t users;
    double done_per_s;
    uint64_t response_p99_us;
    enum result_verdict verdict;
};

struct result_ledger {
    bool kept;                           /* false: the scenario submits nothing */
    uint64_t sent, acknowledged, stored; /* by the clients' journals; keys in the nodes' */
    uint64_t lost, doubled;              /* acknowledged but not stored; stored more than once */
    uint64_t unacknowledged;             /* stored, but the client never heard of it */
    uint64_t resent;        /* came to the nodes more than once, where these tell of arrivals */
    uint64_t wrong_content; /* stored with another hash than was sent */
    uint64_t doubted; /* without receipt, but the client was told that nobody knows how it ended */
    uint64_t untold;  /* neither: the client gave up, or the run ended */
};

struct result_generator {
    uint32_t users;
    bool is_probe, is_attackers;
    uint64_t pss_bytes, cpu_us;
};

struct result_procedure {
    uint32_t number; /* 0 is the most asked for */
    uint64_t done, errors;
    uint32_t response[BAND_COUNT];
};

struct result {
    struct arena arena;
    const struct scenario *scenario; /* borrowed; of a result read from a file, in the arena */
    const char *scenario_text, *gateway_config, *command; /* as used; may be NULL */
    uint64_t started_unix_s;
    bool interrupted;
    uint32_t machines; /* how many load machines were merged; 1 */

    struct results_phase *phases; /* owned; one for each of the scenario's, without the probe */
    struct results_phase *probe_phases; /* owned; the probe alone */
    struct results_attacks *attacks;    /* owned; as above, what became of the attackers */
    struct results_nodes *nodes;        /* owned; as above */
    struct results_second *seconds;     /* owned; summed over generators, without the probe */
    uint32_t second_count;
    struct results_machine *machine; /* owned; [second_count] */
    struct results_machine before;   /* before the first user came */
    struct result_generator generators[RESULTS_GENERATORS_MAX * 4];
    uint32_t generator_count;
    struct result_procedure *procedures; /* owned; NULL when not measured one by one */
    uint32_t procedure_count;

    struct result_ledger ledger;
    struct result_fact facts[RESULT_FACTS_MAX];
    struct result_mark marks[RESULT_MARKS_MAX];
    struct result_trial trials[RESULT_TRIALS_MAX];
    uint32_t fact_count, mark_count, trial_count;

    uint32_t warm_up_s; /* seconds cut from the judged phases' start (MSER-5) */
    struct result_outcome outcomes[RESULT_OUTCOMES_MAX];
    struct result_finding findings[RESULT_FINDINGS_MAX];
    uint32_t outcome_count, finding_count;
    enum result_verdict verdict;
    const char *reason; /* of the verdict, in one sentence */
};

struct result *result_new(const struct scenario *s, uint32_t second_count) MUST_CHECK;
void result_free(struct result **r);

#endif
