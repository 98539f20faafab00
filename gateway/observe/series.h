/* What one process counts for one route, one upstream or one peer.
 *
 * A series is a pair of pointers into the process's own part of the board, looked up by name when a
 * configuration is applied and kept beside the route, upstream or peer. One without a place (both
 * pointers NULL) counts nothing and harms nothing. */
#ifndef OBSERVE_SERIES_H
#define OBSERVE_SERIES_H

#include "observe/histogram.h"

enum series_kind { SERIES_ROUTE, SERIES_UPSTREAM, SERIES_PEER, SERIES_SYSTEM, SERIES_KINDS };

enum series_class {
    SERIES_1XX,
    SERIES_2XX,
    SERIES_3XX,
    SERIES_4XX,
    SERIES_5XX,
    SERIES_ABORTED, /* the answer did not reach its end, whatever its status */
    SERIES_CLASSES
};

/* One cache line. */
struct series_counts {
    _Atomic uint64_t by_class[SERIES_CLASSES];
    _Atomic uint64_t bytes_in, bytes_out;
};

_Static_assert(sizeof(struct series_counts) == 64, "recording a request touches one line");

struct series {
    struct series_counts *counts; /* borrowed from the board */
    struct histogram *latency;    /* borrowed from the board */
};

/* Of a peer there are many: its latency is its upstream's. */
enum series_peer_event {
    SERIES_PEER_REQUEST,
    SERIES_PEER_CONNECT,
    SERIES_PEER_FAILURE, /* a connect that failed, an answer that did not come or was cut short */
    SERIES_PEER_EVENTS
};

struct series_peer_counts {
    _Atomic uint64_t by_event[SERIES_PEER_EVENTS];
};

struct series_peer {
    struct series_peer_counts *counts; /* borrowed from the board */
    _Atomic uint32_t *in_flight;       /* borrowed: this worker's cell of the peer's row */
};

static inline enum series_class series_class_of(uint32_t status)
{
    return status >= 100 && status <= 599 ? (enum series_class)(status / 100 - 1) : SERIES_5XX;
}

/* Once a request, when it is over. How long a tunnel (101) lived is not a latency and is left
 * out. */
static inline void series_record(struct series s, enum series_class class, uint64_t bytes_in,
                                 uint64_t bytes_out, uint64_t duration_us)
{
    if (!s.counts)
        return;
    counter_add(&s.counts->by_class[class], 1);
    counter_add(&s.counts->bytes_in, bytes_in);
    counter_add(&s.counts->bytes_out, bytes_out);
    if (class != SERIES_1XX)
        histogram_record(s.latency, duration_us);
}

static inline void series_peer_count(struct series_peer p, enum series_peer_event event)
{
    if (p.counts)
        counter_add(&p.counts->by_event[event], 1);
}

/* A request goes to the peer; each call has its series_peer_end(). */
static inline void series_peer_begin(struct series_peer p)
{
    series_peer_count(p, SERIES_PEER_REQUEST);
    if (p.in_flight)
        atomic_store_explicit(p.in_flight,
                              atomic_load_explicit(p.in_flight, memory_order_relaxed) + 1,
                              memory_order_relaxed);
}

/* Never goes below 0: the place may have been given to another peer in between. */
static inline void series_peer_end(struct series_peer p)
{
    if (!p.in_flight)
        return;
    uint32_t now = atomic_load_explicit(p.in_flight, memory_order_relaxed);
    if (now)
        atomic_store_explicit(p.in_flight, now - 1, memory_order_relaxed);
}

#endif
