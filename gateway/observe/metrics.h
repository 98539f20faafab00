/* The counters and gauges of one process: its row of the board.
 *
 * Only that process writes it while it lives (see counter.h); the supervisor resets the gauges of a
 * process that died, and the counters go on from where they were. What there is to count stands in
 * metrics_counters.h, metrics_gauges.h. */
#ifndef OBSERVE_METRICS_H
#define OBSERVE_METRICS_H

#include "observe/counter.h"
#include "observe/metrics_counters.h"
#include "observe/metrics_gauges.h"

#define METRICS_COUNTER_ID(id, name, help) COUNTER_##id,
#define METRICS_GAUGE_ID(id, name, combine, help) GAUGE_##id,
enum metric_counter { METRICS_COUNTERS(METRICS_COUNTER_ID) METRICS_COUNTER_COUNT };
enum metric_gauge { METRICS_GAUGES(METRICS_GAUGE_ID) METRICS_GAUGE_COUNT };
#undef METRICS_COUNTER_ID
#undef METRICS_GAUGE_ID

struct metrics {
    _Atomic uint64_t counters[METRICS_COUNTER_COUNT];
    _Atomic uint64_t gauges[METRICS_GAUGE_COUNT];
};

static inline void metrics_add(struct metrics *m, enum metric_counter id, uint64_t n)
{
    counter_add(&m->counters[id], n);
}

static inline uint64_t metrics_counter(const struct metrics *m, enum metric_counter id)
{
    return counter_read(&m->counters[id]);
}

static inline void metrics_gauge_set(struct metrics *m, enum metric_gauge id, uint64_t value)
{
    counter_set(&m->gauges[id], value);
}

static inline void metrics_gauge_increment(struct metrics *m, enum metric_gauge id)
{
    counter_add(&m->gauges[id], 1);
}

static inline void metrics_gauge_decrement(struct metrics *m, enum metric_gauge id)
{
    assert(counter_read(&m->gauges[id]) > 0);
    counter_add(&m->gauges[id], (uint64_t)-1);
}

static inline uint64_t metrics_gauge(const struct metrics *m, enum metric_gauge id)
{
    return counter_read(&m->gauges[id]);
}

void metrics_reset_gauges(struct metrics *m);

#endif
