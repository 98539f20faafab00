/* Quantiles of times. They are known only with a hundred values beyond them, and their interval
 * comes from the spread of ten batches of seconds. */
#include "bench/verdict/metric_kinds.h"
#include "bench/verdict/series.h"
#include "common/mem.h"

#include <math.h>

#define BEYOND_MIN 100

static void gather_classes(const struct hdr of_class[CLASS_COUNT], int class, struct hdr *into)
{
    for (int i = 0; i < CLASS_COUNT; i++)
        if (class < 0 || class == i)
            hdr_merge(into, &of_class[i]);
}

void metric_gather_response(const struct results_phase *p, const struct metric_scope *scope,
                            struct hdr *into)
{
    gather_classes(p->response, scope->class, into);
}

void metric_gather_service(const struct results_phase *p, const struct metric_scope *scope,
                           struct hdr *into)
{
    gather_classes(p->service, scope->class, into);
}

void metric_gather_slow(const struct results_phase *p, const struct metric_scope *scope,
                        struct hdr *into)
{
    (void)scope;
    hdr_merge(into, &p->slow_response);
}

void metric_gather_handshake(const struct results_phase *p, const struct metric_scope *scope,
                             struct hdr *into)
{
    (void)scope;
    hdr_merge(into, &p->handshake);
}

void metric_gather_lag(const struct results_phase *p, const struct metric_scope *scope,
                       struct hdr *into)
{
    (void)scope;
    hdr_merge(into, &p->lag);
}

void metric_gather_wait(const struct results_phase *p, const struct metric_scope *scope,
                        struct hdr *into)
{
    for (int group = GROUP_ANY + 1; group < GROUP_COUNT; group++)
        if (metric_takes_group(scope, group))
            hdr_merge(into, &p->groups[group].wait);
}

/* The quantile of the response clock in each of ten batches; false when a batch cannot tell. */
static bool batch_quantiles(const struct metric_scope *scope, double q, const uint32_t *seconds,
                            size_t count, double quantiles[SERIES_BATCHES])
{
    size_t length = count / SERIES_BATCHES;
    if (count < SERIES_MIN)
        return false;
    for (size_t i = 0; i < SERIES_BATCHES; i++) {
        uint32_t bands[BAND_COUNT] = { 0 };
        for (size_t j = 0; j < length; j++)
            band_merge(bands, scope->result->seconds[seconds[i * length + j]].response);
        if ((double)band_total(bands) * (1 - q) < BEYOND_MIN / (double)SERIES_BATCHES)
            return false;
        quantiles[i] = band_quantile(bands, q);
    }
    return true;
}

/* Seconds know no classes: the interval of one class is taken to be as wide, in percent of its
 * quantile, as that of all together. */
static void add_interval(const struct metric *m, const struct metric_scope *scope,
                         struct metric_value *v)
{
    double quantiles[SERIES_BATCHES];
    if (m->gather != metric_gather_response || m->of_probe)
        return;
    uint32_t *seconds = mem_new_array(scope->result->second_count, sizeof(*seconds));
    size_t count = metric_steady_seconds(scope, seconds);
    if (batch_quantiles(scope, m->argument, seconds, count, quantiles)) {
        struct series_interval interval = series_interval(quantiles);
        double share = interval.mean > 0 ? interval.half / interval.mean : 0;
        v->low = MAX(0, v->value * (1 - share));
        v->high = v->value * (1 + share);
    }
    mem_free(seconds);
}

static struct metric_value quantile(const struct metric *m, const struct metric_scope *scope)
{
    struct hdr *h = mem_new(sizeof(*h));
    metric_gather(m, scope, h);
    struct metric_value v = hdr_can_tell(h, m->argument)
                                ? metric_exactly((double)hdr_quantile(h, m->argument) / 1000)
                                : metric_unknown();
    mem_free(h);
    return v;
}

struct metric_value metric_quantile(const struct metric *m, const struct metric_scope *scope)
{
    struct metric_value v = quantile(m, scope);
    if (v.is_known)
        add_interval(m, scope, &v);
    return v;
}

void metric_first_and_last(const struct metric_scope *scope, struct metric_scope *first,
                           struct metric_scope *last)
{
    const struct scenario *s = scope->result->scenario;
    *first = *last = *scope;
    for (uint32_t i = s->phase_count; i-- > 0;) {
        if (s->phases[i].judged)
            first->phase = (int)i;
        if (last->phase < 0 && s->phases[i].judged)
            last->phase = (int)i;
    }
}

struct metric_value metric_quantile_drift(const struct metric *m, const struct metric_scope *scope)
{
    struct metric_scope first, last;
    metric_first_and_last(scope, &first, &last);
    struct metric_value before = quantile(m, &first), after = quantile(m, &last);
    if (!before.is_known || !after.is_known || before.value <= 0)
        return metric_unknown();
    return metric_exactly(100 * (after.value / before.value - 1));
}
