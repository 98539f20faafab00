/* Leaves an upstream alone that fails, and tries it again. The keeper looks at what all workers
 * have counted, several times a second.
 *
 *   CLOSED ──five failures in ten seconds, and four of five requests──► OPEN
 *     ▲                                                                 │ after a pause
 *     ├── answers, no failure ── HALF_OPEN ◄────────────────────────────┘
 *     │                           │    └── a failure ──► OPEN, for twice as long
 *     │                           ▼ nobody who reads has come
 *     └── as above ────────── HALF_OPEN_ALL
 *
 * A breaker rather than a throttle that refuses a growing share: users of a dead upstream get their
 * answer at once from its fifth failure on, however few they are, and one good answer brings all of
 * it back, where a share that was learnt over two minutes takes minutes to be forgotten. That one
 * peer of several is dead is no affair of the breaker's: it is ejected, and others answer. Nor is
 * an upstream that fails half of its requests, for the other half is worth having, and nobody shall
 * be able to close one with a few requests that he knows to fail. */
#ifndef UPSTREAM_BREAKER_H
#define UPSTREAM_BREAKER_H

#include "common/random.h"
#include "observe/gates.h"

#define BREAKER_WINDOW_SECONDS 10
#define BREAKER_FAILURES 5
#define BREAKER_FAILURES_PER_ANSWER 4
#define BREAKER_PAUSE_MS 5000
#define BREAKER_PAUSE_MAX_MS 30000

struct breaker {
    enum gate_breaker state;
    uint64_t answers, failures; /* sums that were last looked at */
    struct {
        uint32_t answers, failures;
    } seconds[BREAKER_WINDOW_SECONDS];
    uint64_t second;
    uint32_t window_answers, window_failures; /* what it was opened for */
    uint32_t pause_ms;
    uint64_t reopens_ms; /* when it is tried (HALF_OPEN: once more) */
    uint32_t trial;      /* counts the half-open times */
};

/* What was counted: sums over all workers that only grow. */
struct breaker_counts {
    uint64_t answers, failures;
    bool is_tried; /* a request that only reads is under way */
};

void breaker_look(struct breaker *b, const struct breaker_counts *counts, uint64_t now_ms,
                  struct random *random);

#endif
