/* What is on the board about gates. A *gate* is what a request passes on its way to something that
 * may become slow: each upstream has one for reading and one for submitting, and each shared
 * national system has one for all routes that use it. Workers count in cells of their own; the
 * keeper reads these and writes a gate's state, from which all workers take their decisions.
 *
 * Zeroed memory is a gate that nobody has used: no limit is known yet, nothing is broken. */
#ifndef OBSERVE_GATES_H
#define OBSERVE_GATES_H

#include "observe/counter.h"

enum gate_class { GATE_READ, GATE_SUBMIT, GATE_CLASSES };

/* Why a request was not let through. */
enum gate_shed {
    GATE_SHED_FULL,   /* too many wait already */
    GATE_SHED_LATE,   /* it has waited too long */
    GATE_SHED_BROKEN, /* the upstream fails, and is left alone */
    GATE_SHED_KINDS
};

enum gate_breaker {
    GATE_CLOSED,        /* all is well, requests pass */
    GATE_OPEN,          /* requests are refused at once */
    GATE_HALF_OPEN,     /* each worker may try one that only reads */
    GATE_HALF_OPEN_ALL, /* or, for none has come, one of any kind */
};

/* "full", "late", "broken". */
const char *gate_shed_name(enum gate_shed why);

/* One worker's words. The supervisor takes back the first two when it has died. */
struct gate_cell {
    _Alignas(64) _Atomic uint32_t in_flight; /* requests that wait for the answer's head */
    _Atomic uint32_t waiting;                /* in the queue for a slot */
    _Atomic uint64_t answers;                /* heads that came, failures not among them */
    _Atomic uint64_t slow;                   /* of these, much later than the route's usually do */
    _Atomic uint64_t failures;               /* no connection, no answer, or 502, 503, 504 */
    _Atomic uint64_t pressed;                /* requests that found half of the limit in use */
    _Atomic uint64_t shed[GATE_SHED_KINDS];
};

/* The keeper's words. */
struct gate_state {
    _Alignas(64) _Atomic uint32_t limit; /* requests in flight; 0: not set yet */
    _Atomic uint32_t breaker;            /* enum gate_breaker; of an upstream, in its first gate */
    _Atomic uint32_t trial;              /* counts the half-open times */
    _Atomic uint32_t failures, answers;  /* what the breaker was last opened for */
    _Atomic uint64_t reopens_ms;         /* monotonic: when it is tried again */
};

static inline uint32_t gate_read32(const _Atomic uint32_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

static inline void gate_set32(_Atomic uint32_t *word, uint32_t value)
{
    atomic_store_explicit(word, value, memory_order_relaxed);
}

#endif
