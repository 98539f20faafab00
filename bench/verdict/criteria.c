#include "bench/verdict/criteria.h"

#include "bench/verdict/metric_kinds.h"
#include "bench/verdict/validity.h"
#include "common/mem.h"

#include <math.h>

#define ONE_SIDED_95 1.645

static double margin_of(const struct result_outcome *o)
{
    double left = o->at_least ? o->value - o->limit : o->limit - o->value;
    if (o->limit > 0)
        return 100 * left / o->limit;
    return left < 0 ? -100 : 0;
}

static void conclude(struct result_outcome *o, struct metric_value v)
{
    o->measured = true;
    o->value = v.value;
    o->low = v.low;
    o->high = v.high;
    o->ok = o->at_least ? v.value >= o->limit : v.value <= o->limit;
    o->margin = margin_of(o);
}

/* 95% bounds, one-sided, of the mean of a Poisson count. */
static double at_least_of(double count)
{
    return count - ONE_SIDED_95 * sqrt(count);
}

static double at_most_of(double count)
{
    return count + ONE_SIDED_95 * sqrt(count + 1) + 1.36;
}

static void conclude_by_count(struct result *r, struct result_outcome *o, bool ok, uint64_t above,
                              uint64_t count)
{
    const char *note = arena_printf(&r->arena, "%s (%llu of %llu are above)", o->text,
                                    (unsigned long long)above, (unsigned long long)count);
    o->measured = true;
    o->ok = ok;
    o->text = note ? note : o->text;
}

static void judge_few(struct result *r, const struct metric *m, const struct metric_scope *scope,
                      struct result_outcome *o)
{
    struct hdr *h = mem_new(sizeof(*h));
    metric_gather(m, scope, h);
    uint64_t above = hdr_count_above(h, (uint64_t)(o->limit * 1000));
    double allowed = (1 - m->argument) * (double)h->count;
    bool is_kept = (h->count > 0 && above == 0) || at_most_of((double)above) < allowed;
    bool is_missed = above > 1 && at_least_of((double)above) > allowed;
    if (is_kept || is_missed)
        conclude_by_count(r, o, is_kept, above, h->count);
    mem_free(h);
}

static void judge(struct result *r, const struct scenario_criterion *c, struct result_outcome *o)
{
    const struct metric *m = metric_find(slice_str(c->metric));
    struct metric_scope scope = {
        .result = r, .class = c->class, .phase = c->phase, .group = c->group
    };
    *o = (struct result_outcome){ .text = c->text,
                                  .unit = m ? metric_unit_name(m->unit) : "",
                                  .at_least = c->at_least,
                                  .limit = c->limit,
                                  .value = NAN,
                                  .low = NAN,
                                  .high = NAN,
                                  .margin = NAN };
    if (!m) /* written by another version */
        return;
    struct metric_value v = m->compute(m, &scope);
    if (v.is_known)
        conclude(o, v);
    else if (m->compute == metric_quantile && !c->at_least)
        judge_few(r, m, &scope, o);
}

/* A run that was shortened on purpose is not blamed for what only its full length can tell. */
static bool is_cut_too_short(struct result *r, const struct scenario_criterion *c)
{
    const struct metric *m = metric_find(slice_str(c->metric));
    struct metric_scope scope = {
        .result = r, .class = c->class, .phase = c->phase, .group = c->group
    };
    double duration_s = metric_duration_s(&scope);
    if (!m || r->scenario->scale >= 1 || duration_s >= m->needs_s)
        return false;
    validity_find(r, FINDING_NOTE,
                  "not judged: \"%s\": %.0f s tell warm-up from growth no more; it takes %u s",
                  c->text, duration_s, (unsigned)m->needs_s);
    return true;
}

void criteria_judge(struct result *r)
{
    const struct scenario *s = r->scenario;
    r->outcome_count = 0;
    for (uint32_t i = 0; i < s->criterion_count; i++)
        if (!is_cut_too_short(r, &s->criteria[i]))
            judge(r, &s->criteria[i], &r->outcomes[r->outcome_count++]);
}
