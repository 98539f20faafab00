/* What the workers of a gateway learn together of one peer from its answers. It lies on the board
 * (board_peer_state), so that what one of them learns the others act on. What probes find out
 * stands beside it (observe/peer_health.h).
 *
 *   word            written by            says
 *   ejection        workers, by exchange  since when it gets nothing but trials, and how often so
 *   trial_ms        workers, by exchange  when the next trial may go to it
 *   avoid_until_ms  workers               it has just failed: others are preferred until then
 *   returned_ms     workers, keeper       when it last came back: slow start counts from here
 *   latency         workers               peak-EWMA of the time to the answer's head
 *   window          workers               requests and failures of the last seconds
 *   failures        workers               in a row
 *   last_failure    workers               how it failed last, for people
 *
 * Each word is whole in itself, so that a process may be killed between any two. Words of workers
 * may lose an update to one that comes at the same instant, which costs a sample; what must happen
 * once (an ejection, a trial) is an exchange that one of them wins. All zeroes is a peer that
 * nobody knows anything of, and that serves.
 *
 * Times are clock_now_ms(). What is done with all this: upstream/ejection.h, upstream/balancer.h.
 */
#ifndef OBSERVE_PEER_STATE_H
#define OBSERVE_PEER_STATE_H

#include "observe/peer_health.h"

struct peer_state {
    /* Read for each choice, written when something changes. */
    _Atomic uint64_t ejection, trial_ms, avoid_until_ms, returned_ms;
    uint64_t padding[4];
    /* Written for each request. */
    _Atomic uint64_t latency, window, failures;
    _Atomic uint64_t last_failure; /* when one fails */
    uint64_t more_padding[4];
};

_Static_assert(sizeof(struct peer_state) == 128, "a line to read and a line to write");

/* Why a peer gets the requests that it gets; the first that applies. */
enum peer_condition {
    PEER_DOWN,    /* probes fail */
    PEER_EJECTED, /* its answers failed; it gets trials alone */
    PEER_RAMPING, /* back, and given more from moment to moment */
    PEER_SERVING,
    PEER_CONDITIONS
};

/* `health` may be NULL: nobody probes it. */
enum peer_condition peer_state_condition(const struct peer_state *s,
                                         const struct peer_health *health, uint32_t slow_start_ms,
                                         uint64_t now_ms);
/* "down", "ejected", "ramping", "serving": for labels and JSON. */
const char *peer_condition_name(enum peer_condition condition);

#define PEER_STATE_TEXT_BYTES 192
/* For people, what stands in these words: "ejected for 12 s (2 times), at last it answered 503; 1
 * good trials, next in 3 s", "back for 5 s, at 25 % of its share"; empty when there is nothing to
 * say. */
const char *peer_state_explain(const struct peer_state *s, uint32_t slow_start_ms, uint64_t now_ms,
                               char out[PEER_STATE_TEXT_BYTES]);

/* A request failed like this. */
static inline void peer_state_blame(struct peer_state *s, struct health_report how)
{
    counter_set(&s->last_failure, (uint64_t)how.result << 16 | how.status);
}

/* HEALTH_PASSED: none has failed. */
struct health_report peer_state_last_failure(const struct peer_state *s);

/* It was down, and is up again: a slow start begins. */
static inline void peer_state_return(struct peer_state *s, uint64_t now_ms)
{
    counter_set(&s->returned_ms, now_ms);
}

/* How much of its weight a peer has, in thousandths: 1000 but for a slow start. */
#define PEER_SHARE_FULL 1000
#define PEER_SHARE_LEAST 100
uint32_t peer_state_share(const struct peer_state *s, uint32_t slow_start_ms, uint64_t now_ms);

/* Takes an answer's time into account: what is slower than the mean replaces it, what is faster
 * pulls it down with a time constant of 10 s (peak EWMA, as Finagle has it). */
void peer_state_observe(struct peer_state *s, uint64_t duration_us, uint64_t now_ms);
/* The mean, as it has faded since; 0: unknown, or not heard of for half a minute. */
double peer_state_latency_us(const struct peer_state *s, uint64_t now_ms);

/* ---- ejection ---- */

struct peer_ejection {
    uint64_t since_ms; /* 0: it is not ejected */
    uint32_t times;    /* ejections and failed trials, until it has been well for a while */
    uint32_t trials;   /* that went well, in a row, of this ejection */
};

static inline struct peer_ejection peer_ejection_of(uint64_t word)
{
    return (struct peer_ejection){ word >> 16, word >> 8 & 255, word & 255 };
}

static inline uint64_t peer_ejection_word(struct peer_ejection e)
{
    return e.since_ms << 16 | MIN(e.times, 255) << 8 | MIN(e.trials, 255);
}

static inline bool peer_state_is_ejected(const struct peer_state *s)
{
    return counter_read(&s->ejection) >> 16 != 0;
}

/* True for the one caller who finds the word as `before` and changes it. */
static inline bool peer_word_exchange(_Atomic uint64_t *word, uint64_t before, uint64_t after)
{
    return atomic_compare_exchange_strong_explicit(word, &before, after, memory_order_relaxed,
                                                   memory_order_relaxed);
}

#endif
