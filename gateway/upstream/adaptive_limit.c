#include "upstream/adaptive_limit.h"

#include <math.h>

#define DECREASE 0.9
#define FAILURES_PERCENT 5
#define SLOW_PERCENT 10 /* the ninetieth percentile is slow */

static void begin_window(struct adaptive_limit *l, const struct adaptive_counts *now,
                         uint64_t now_ms)
{
    l->before = *now;
    l->window_began_ms = now_ms;
}

static bool is_bad(uint64_t answers, uint64_t slow, uint64_t failures)
{
    return failures * 100 > (answers + failures) * FAILURES_PERCENT ||
           slow * 100 > answers * SLOW_PERCENT;
}

/* Half of the limit is out, and nothing comes back. */
static bool is_stuck(const struct adaptive_limit *l, uint64_t over, uint32_t in_flight)
{
    return over == 0 && in_flight * 2.0 >= l->limit;
}

uint32_t adaptive_limit_look(struct adaptive_limit *l, const struct adaptive_counts *now,
                             uint32_t in_flight, uint32_t max, uint64_t now_ms)
{
    double least = MIN(ADAPTIVE_LIMIT_MIN, max);
    if (l->limit == 0)
        begin_window(l, now, now_ms);
    if (l->limit == 0 || l->limit == l->max)
        l->limit = max;
    l->max = max;
    uint64_t answers = now->answers - l->before.answers;
    uint64_t failures = now->failures - l->before.failures;
    bool stuck = is_stuck(l, answers + failures, in_flight);
    bool over = now_ms - l->window_began_ms >= ADAPTIVE_LIMIT_WINDOW_MS;
    if (over && (stuck || answers + failures >= ADAPTIVE_LIMIT_SAMPLES)) {
        if (stuck || is_bad(answers, now->slow - l->before.slow, failures))
            l->limit *= DECREASE;
        else if (now->pressed != l->before.pressed)
            l->limit += MAX(1.0, sqrt(l->limit));
        begin_window(l, now, now_ms);
    }
    l->limit = MIN(MAX(l->limit, least), max);
    return (uint32_t)l->limit;
}
