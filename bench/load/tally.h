/* Writes down what happens into this generator's part of the results board: by the phase and the
 * second that an action was planned for, or, for answers, errors and connections, the second in
 * which they came. Phases always go by the plan. */
#ifndef LOAD_TALLY_H
#define LOAD_TALLY_H

#include "bench/measure/results.h"

#define TALLY_LATE_US 50000 /* an action that began so long after its plan was sent late */

struct tally {
    const struct scenario *scenario; /* borrowed */
    struct results_generator *out;   /* borrowed; shared memory */
    uint64_t start_us;               /* monotonic; 0 until tally_start() */
    uint64_t ends_us[SCENARIO_PHASES_MAX];
    uint32_t lag[BAND_COUNT]; /* of the current second */
};

/* An action, as far as it is counted; times are monotonic. */
struct tally_action {
    enum scenario_step step;
    uint32_t procedure; /* of STEP_PROCEDURE */
    bool is_slow;       /* on a slow link */
    enum scenario_group group;
    uint64_t planned_us; /* when it was to begin */
    uint64_t sent_us;    /* when its first byte was sent */
};

void tally_init(struct tally *t, const struct scenario *s, struct results_generator *out);
void tally_start(struct tally *t, uint64_t start_us);
/* The first phase before the start, the last one after the end. */
uint32_t tally_phase_at(const struct tally *t, uint64_t at_us);

/* How late this process is: `since_us` is when it could have begun at the earliest. */
void tally_lag(struct tally *t, uint64_t since_us, uint64_t now_us);
void tally_planned(struct tally *t, const struct tally_action *a);
void tally_issued(struct tally *t, const struct tally_action *a, uint64_t lag_us);
/* An attempt has failed that is no failure yet: the same request will be sent again. */
void tally_retried(struct tally *t, const struct tally_action *a);
void tally_done(struct tally *t, const struct tally_action *a, uint64_t now_us);
void tally_failed(struct tally *t, const struct tally_action *a, enum results_error error,
                  uint64_t now_us);
/* This process could not even try to connect a user again; no action's error. */
void tally_unable(struct tally *t, uint64_t now_us);
void tally_connected(struct tally *t, uint64_t planned_us, uint64_t now_us, bool resumed);
void tally_closed(struct tally *t, uint64_t now_us);
/* What has gone over the wires since it was last told. */
void tally_traffic(struct tally *t, uint64_t sent, uint64_t received, uint64_t now_us);
/* `second` has passed: its last line. */
void tally_second(struct tally *t, uint64_t second, uint32_t users, uint32_t alive);

#endif
