#include "bench/report/headline.h"

#include <string.h>

const struct headline headline_table[HEADLINE_COUNT] = {
    { "alive", "users alive, worst second", "alive_min", -1 },
    { "rps", "requests/s answered", "done_per_s", -1 },
    { "p50", "p50 of reads, response", "response_p50", CLASS_READ },
    { "p99", "p99 of reads, response", "response_p99", CLASS_READ },
    { "errors", "of requests failed", "error_percent", -1 },
    { "lost", "submissions lost", "lost", -1 },
    { "doubled", "submissions doubled", "doubled", -1 },
    { "memory", "gateway memory a user", "gateway_memory_per_user", -1 },
    { "cpu_us", "µs of gateway CPU a request", "cpu_us_per_request", -1 },
};

struct figure headline_figure(const struct headline *h, const struct result *r)
{
    const struct metric *m = metric_find(slice_str(h->metric));
    assert(m); /* the table above names metrics that are there */
    struct metric_scope scope = { .result = r, .class = h->class, .phase = -1 };
    struct metric_value v = m->compute(m, &scope);
    return v.is_known ? figure_in(v.value, metric_unit_name(m->unit)) : (struct figure){ "–" };
}

static uint32_t phase_users(const struct scenario_phase *p)
{
    return MAX(p->users_from, p->users_to);
}

uint32_t headline_users(const struct result *r)
{
    uint32_t judged = 0;
    uint32_t any = 0;
    for (uint32_t i = 0; i < r->scenario->phase_count; i++) {
        const struct scenario_phase *p = &r->scenario->phases[i];
        any = MAX(any, phase_users(p));
        if (p->judged)
            judged = MAX(judged, phase_users(p));
    }
    return judged ? judged : any;
}
