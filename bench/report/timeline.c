#include "bench/report/timeline.h"

#include "common/mem.h"

#include <math.h>

static double planned_users(const struct scenario *s, double at_s)
{
    double left_ms = at_s * 1000;
    for (uint32_t i = 0; i < s->phase_count; i++) {
        const struct scenario_phase *p = &s->phases[i];
        if (left_ms < (double)p->duration_ms)
            return p->users_from +
                   ((double)p->users_to - p->users_from) * left_ms / (double)p->duration_ms;
        left_ms -= (double)p->duration_ms;
    }
    return NAN;
}

static double growth(uint64_t now, uint64_t before)
{
    return now > before ? (double)(now - before) : 0;
}

static void add_second(struct timeline_column *c, const struct result *r, uint32_t second)
{
    const struct results_second *s = &r->seconds[second];
    c->users = s->users;
    c->alive = MIN(c->alive, s->alive);
    c->planned += s->planned;
    c->done += s->done;
    c->errors += s->errors;
    c->p99_us = MAX(c->p99_us, s->response_p99_us); /* stands only where there are no bands */
    c->lag_p99_us = MAX(c->lag_p99_us, s->lag_p99_us);
    band_merge(c->response, s->response);

    const struct results_machine *m = &r->machine[second];
    c->core_busy[0] += m->core_busy[0];
    c->core_busy[1] += m->core_busy[1];
    c->foreign += m->foreign;
    c->gateway_cpu += m->gateway_cpu;
    c->generators_cpu += m->generators_cpu;
    c->nodes_cpu += m->nodes_cpu;
    c->gateway_pss = MAX(c->gateway_pss, (double)m->gateway_pss);
    c->generators_pss = MAX(c->generators_pss, (double)m->generators_pss);
    c->kernel = MAX(c->kernel, growth(m->kernel_slab, r->before.kernel_slab) +
                                   growth(m->tcp_memory, r->before.tcp_memory));
}

static void finish(struct timeline_column *c, uint32_t seconds)
{
    double *sums[] = { &c->planned,      &c->done,           &c->errors,
                       &c->core_busy[0], &c->core_busy[1],   &c->foreign,
                       &c->gateway_cpu,  &c->generators_cpu, &c->nodes_cpu };
    for (size_t i = 0; i < ARRAY_LEN(sums); i++)
        *sums[i] /= seconds;
    if (band_total(c->response)) {
        c->p50_us = band_quantile(c->response, 0.5);
        c->p99_us = band_quantile(c->response, 0.99);
    }
    double *latencies[] = { &c->p50_us, &c->p99_us, &c->lag_p99_us };
    for (size_t i = 0; i < ARRAY_LEN(latencies); i++)
        if (*latencies[i] <= 0)
            *latencies[i] = NAN;
}

struct timeline *timeline_new(const struct result *r)
{
    struct timeline *t = mem_new(sizeof(*t));
    uint32_t step = MAX((r->second_count + TIMELINE_COLUMNS_MAX - 1) / TIMELINE_COLUMNS_MAX, 1U);
    t->seconds_per_column = step;
    for (uint32_t from = 0; from < r->second_count; from += step) {
        struct timeline_column *c = &t->columns[t->count++];
        uint32_t to = MIN(from + step, r->second_count);
        c->alive = INFINITY;
        for (uint32_t second = from; second < to; second++)
            add_second(c, r, second);
        c->at_s = (from + to) / 2.0;
        c->users_planned = planned_users(r->scenario, c->at_s);
        finish(c, to - from);
    }
    return t;
}

void timeline_free(struct timeline **t)
{
    mem_free(*t);
    *t = NULL;
}

double timeline_seconds(const struct result *r)
{
    double planned_ms = 0;
    for (uint32_t i = 0; i < r->scenario->phase_count; i++)
        planned_ms += (double)r->scenario->phases[i].duration_ms;
    return MAX(planned_ms / 1000, (double)r->second_count);
}
