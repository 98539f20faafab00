/* A number in shared memory that one process writes and any process reads.
 *
 * Because there is a single writer, an addition is a plain load and a plain store: no lock
 * prefix, no cache line fought over. Relaxed atomics keep each word whole, so a reader never
 * sees half a number and a writer that is killed at any instant leaves nothing to repair. */
#ifndef OBSERVE_COUNTER_H
#define OBSERVE_COUNTER_H

#include "common/base.h"

#include <stdatomic.h>

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "counters in shared memory must be lock-free");

static inline uint64_t counter_read(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static inline void counter_set(_Atomic uint64_t *counter, uint64_t value)
{
    atomic_store_explicit(counter, value, memory_order_relaxed);
}

static inline void counter_add(_Atomic uint64_t *counter, uint64_t n)
{
    counter_set(counter, counter_read(counter) + n);
}

#endif
