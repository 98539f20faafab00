/* A scenario of three phases and a result in which all is well, for tests to spoil. */
#ifndef UNIT_BENCH_VERDICT_FIXTURE_H
#define UNIT_BENCH_VERDICT_FIXTURE_H

#include "bench/measure/result_sums.h"
#include "bench/verdict/metric.h"
#include "bench/verdict/verdict.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define USERS 10000
#define PROBE_USERS 20
#define RAMP_S 20
#define HOLD_S 100
#define AFTER_S 30
#define PER_S 1000 /* actions */

enum { RAMP, HOLD, AFTER, PHASES };

struct verdict_fixture {
    struct scenario s;
    struct result *r;
};

static inline void fixture_criterion(struct verdict_fixture *f, const char *metric, int class,
                                     int phase, bool at_least, double limit)
{
    f->s.criteria[f->s.criterion_count++] = (struct scenario_criterion){ .metric = metric,
                                                                         .class = class,
                                                                         .phase = phase,
                                                                         .at_least = at_least,
                                                                         .limit = limit,
                                                                         .text = metric };
}

static inline void fixture_phase(struct results_phase *p, uint64_t actions)
{
    p->planned = p->issued = p->done = actions;
    p->steps[STEP_HOME] = actions;
    for (uint64_t i = 0; i < actions; i++) {
        uint64_t us = 1000 + i % 1000 * 10; /* 1 to 11 ms, evenly */
        hdr_record(&p->response[CLASS_READ], us);
        hdr_record(&p->service[CLASS_READ], us / 2);
        hdr_record(&p->lag, 100);
    }
}

static inline void fixture_second(struct result *r, uint32_t at, uint32_t users)
{
    struct results_second *s = &r->seconds[at];
    struct results_machine *m = &r->machine[at];
    s->users = s->alive = users;
    s->planned = s->issued = s->done = PER_S;
    s->response_p99_us = 10900;
    s->response[band_of(5000)] = PER_S;
    m->kernel_sockets = m->gateway_connections = users + PROBE_USERS;
    m->gateway_fds = users * 2;
    m->core_busy[0] = m->core_busy[1] = 50;
    m->gateway_cpu = 40;
    m->gateway_pss = 5000000 + 10000ull * users;
    m->gateway_rss = m->gateway_pss + 3000000;
    m->gateway_allocated = m->gateway_pss - 2000000;
    m->gateway_in_use = m->gateway_pss - 1000000;
    m->generators_pss = 2000000 + 20000ull * users;
    m->kernel_slab = 1000000 + 8000ull * users;
}

static inline void fixture_init(struct verdict_fixture *f)
{
    static const struct scenario_phase phases[PHASES] = {
        [RAMP] = { .name = "ramp", .duration_ms = RAMP_S * 1000, .users_to = USERS },
        [HOLD] = { .name = "hold",
                   .duration_ms = HOLD_S * 1000,
                   .users_from = USERS,
                   .users_to = USERS,
                   .judged = true },
        [AFTER] = { .name = "after",
                    .duration_ms = AFTER_S * 1000,
                    .users_from = USERS,
                    .users_to = USERS },
    };
    static const uint32_t seconds[PHASES] = { RAMP_S, HOLD_S, AFTER_S };
    *f = (struct verdict_fixture){ .s = { .phase_count = PHASES } };
    memcpy(f->s.phases, phases, sizeof(phases));
    f->s.load.probe_users = PROBE_USERS;
    f->r = result_new(&f->s, RAMP_S + HOLD_S + AFTER_S);
    f->r->before = (struct results_machine){ .gateway_pss = 5000000,
                                             .generators_pss = 2000000,
                                             .kernel_slab = 1000000 };
    f->r->generators[0] = (struct result_generator){ .users = USERS };
    f->r->generators[1] = (struct result_generator){ .users = PROBE_USERS, .is_probe = true };
    f->r->generator_count = 2;
    f->r->ledger.kept = true;
    for (int i = 0; i < PHASES; i++)
        fixture_phase(&f->r->phases[i], (uint64_t)seconds[i] * PER_S);
    for (uint32_t i = 0; i < f->r->second_count; i++)
        fixture_second(f->r, i, i < RAMP_S ? USERS / RAMP_S * (i + 1) : USERS);
}

static inline struct metric_value fixture_metric(const struct verdict_fixture *f, const char *name,
                                                 int class, int phase)
{
    struct metric_scope scope = { .result = f->r, .class = class, .phase = phase };
    const struct metric *m = metric_find(slice_str(name));
    assert_non_null(m);
    return m->compute(m, &scope);
}

static inline void assert_near(double value, double expected, double error)
{
    if (!(fabs(value - expected) <= error))
        fail_msg("%g is not %g", value, expected);
}

#endif
