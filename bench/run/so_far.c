#include "bench/run/so_far.h"

#include "bench/measure/result_sums.h"
#include "bench/run/schedule.h"
#include "bench/verdict/criteria.h"
#include "bench/verdict/metric.h"
#include "bench/verdict/verdict.h"

static bool has_begun(const struct scenario *s, uint32_t seconds)
{
    for (uint32_t i = 0; i < s->phase_count; i++)
        if (s->phases[i].judged)
            return schedule_phase_start_ms(s, i) < seconds * 1000ull;
    return false;
}

/* A rate is of the whole phase, and of half of one it would be half. */
static bool is_missed(const struct result_outcome *o, const struct scenario_criterion *c)
{
    const struct metric *m = metric_find(slice_str(c->metric));
    return o->measured && !o->ok && m && m->unit != METRIC_RATE;
}

static enum result_verdict judge(const struct result *r)
{
    for (uint32_t i = 0; i < r->outcome_count; i++)
        if (is_missed(&r->outcomes[i], &r->scenario->criteria[i]))
            return RESULT_FAIL;
    return RESULT_PASS;
}

const char *so_far_verdict(const struct result *r, const struct results_board *board,
                           uint32_t seconds)
{
    if (!has_begun(r->scenario, seconds))
        return NULL;
    for (uint32_t i = 0; i < r->finding_count; i++)
        if (r->findings[i].gravity == FINDING_NOT_DELIVERED)
            return verdict_name(RESULT_INVALID);
    struct result *partial = result_new(r->scenario, seconds);
    partial->before = r->before;
    memcpy(partial->machine, r->machine, seconds * sizeof(*r->machine));
    result_collect(partial, board);
    criteria_judge(partial);
    enum result_verdict verdict = judge(partial);
    result_free(&partial);
    return verdict_name(verdict);
}
