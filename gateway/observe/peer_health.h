/* What probes have found out about one peer: words of the board that the keeper alone writes, so
 * that they outlive it, and that workers, status and metrics read.
 *
 *              passed once                 `fall` in a row failed
 *   UNPROBED ──────────────► UP ──────────────────────────────► DOWN
 *       │                     ▲                                  │ ▲
 *       │                     └──── `rise` in a row passed ──────┘ │
 *       └──────────────── `fall` in a row failed ──────────────────┘
 *
 * Whoever has not been probed counts as up: a gateway that starts serves at once. */
#ifndef OBSERVE_PEER_HEALTH_H
#define OBSERVE_PEER_HEALTH_H

#include "observe/counter.h"

enum health_state { HEALTH_UNPROBED, HEALTH_UP, HEALTH_DOWN };

enum health_result {
    HEALTH_PASSED,
    HEALTH_CONNECT, /* refused, or not reachable */
    HEALTH_TLS,     /* it cannot be trusted, or does not trust us */
    HEALTH_TIMEOUT,
    HEALTH_CLOSED,  /* before the answer was complete */
    HEALTH_INVALID, /* no HTTP/1.1, or ambiguous */
    HEALTH_STATUS,  /* another one than is expected */
    HEALTH_CONTENT, /* without what is expected in it */
    HEALTH_RESULTS
};

struct peer_health {
    _Atomic uint64_t verdict;        /* state, last result, its status, results alike in a row */
    _Atomic uint64_t since_ms;       /* wall clock, of the state */
    _Atomic uint64_t passed, failed; /* probes */
};

/* How one probe ended. */
struct health_report {
    enum health_result result;
    uint16_t status; /* of the answer; 0: none was seen */
};

/* What the words say. */
struct health_view {
    enum health_state state;
    struct health_report last;
    uint32_t streak; /* probes in a row that ended as the last one: passed, or not */
    uint64_t since_ms;
    uint64_t passed, failed;
};

/* Takes one report in; true when the state has changed. */
bool peer_health_note(struct peer_health *h, const struct health_report *report, uint32_t rise,
                      uint32_t fall, uint64_t wall_ms);
/* The peer is probed no more. */
void peer_health_forget(struct peer_health *h);

struct health_view peer_health_view(const struct peer_health *h);

static inline bool peer_health_is_down(const struct peer_health *h)
{
    return (counter_read(&h->verdict) & 0xff) == HEALTH_DOWN;
}

const char *health_state_name(enum health_state state);

#define HEALTH_TEXT_BYTES 64
/* "answered 503", "did not answer in time". */
const char *health_report_text(const struct health_report *report, char out[HEALTH_TEXT_BYTES]);

#endif
