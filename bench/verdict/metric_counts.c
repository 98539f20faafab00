/* What was counted: errors, rates, users, dossiers. */
#include "bench/verdict/metric_kinds.h"
#include "bench/verdict/series.h"
#include "common/mem.h"

#include <math.h>

struct counts {
    uint64_t planned, done, errors, steps, step_errors;
    uint64_t of_error[RESULTS_ERROR_COUNT];
    uint64_t full, resumed;
};

static void add_steps(struct counts *c, const struct metric_scope *scope,
                      const struct results_phase *p)
{
    for (int step = 0; step < STEP_COUNT; step++)
        if (metric_takes_step(scope, step)) {
            c->steps += p->steps[step];
            c->step_errors += p->step_errors[step];
        }
}

/* In place of what all users met. */
static void take_group(struct counts *c, const struct results_group *g)
{
    c->planned += g->planned;
    c->done += g->done;
    c->errors += g->errors;
}

static void take_all(struct counts *c, const struct results_phase *p)
{
    c->planned += p->planned;
    c->done += p->done;
    c->errors += results_phase_errors(p);
}

static struct counts count(const struct metric_scope *scope)
{
    struct counts c = { 0 };
    for (uint32_t i = 0; i < scope->result->scenario->phase_count; i++) {
        const struct results_phase *p = &scope->result->phases[i];
        if (!metric_takes_phase(scope, i))
            continue;
        if (scope->group == GROUP_ANY)
            take_all(&c, p);
        else
            take_group(&c, &p->groups[scope->group]);
        c.full += p->handshakes_full;
        c.resumed += p->handshakes_resumed;
        for (int e = 0; e < RESULTS_ERROR_COUNT; e++)
            c.of_error[e] += p->errors[e];
        add_steps(&c, scope, p);
    }
    return c;
}

static struct metric_value per_s(double count, const struct metric_scope *scope)
{
    double duration_s = metric_duration_s(scope);
    return duration_s > 0 ? metric_exactly(count / duration_s) : metric_unknown();
}

/* --- errors ----------------------------------------------------------------------------------- */

/* The spread of the share over ten batches of seconds. */
static void add_error_interval(const struct metric_scope *scope, struct metric_value *v)
{
    double shares[SERIES_BATCHES] = { 0 };
    uint32_t *seconds = mem_new_array(scope->result->second_count, sizeof(*seconds));
    size_t all = metric_steady_seconds(scope, seconds), length = all / SERIES_BATCHES;
    bool is_known = all >= SERIES_MIN;
    for (size_t i = 0; i < SERIES_BATCHES && is_known; i++) {
        double planned = 0, errors = 0;
        for (size_t j = i * length; j < (i + 1) * length; j++) {
            planned += scope->result->seconds[seconds[j]].planned;
            errors += scope->result->seconds[seconds[j]].errors;
        }
        shares[i] = planned > 0 ? 100 * errors / planned : 0;
    }
    mem_free(seconds);
    if (!is_known)
        return;
    struct series_interval interval = series_interval(shares);
    v->low = MAX(0, v->value - interval.half);
    v->high = v->value + interval.half;
}

/* Attempted is what was planned: who could not even connect has failed too. */
struct metric_value metric_error_percent(const struct metric *m, const struct metric_scope *scope)
{
    struct counts c = count(scope);
    (void)m;
    if (scope->class >= 0)
        return metric_percent((double)c.step_errors, (double)c.steps);
    struct metric_value v = metric_percent((double)c.errors, (double)c.planned);
    if (v.is_known && scope->group == GROUP_ANY)
        add_error_interval(scope, &v);
    return v;
}

struct metric_value metric_error_count(const struct metric *m, const struct metric_scope *scope)
{
    struct counts c = count(scope);
    (void)m;
    return metric_exactly((double)(scope->class < 0 ? c.errors : c.step_errors));
}

struct metric_value metric_error_kind(const struct metric *m, const struct metric_scope *scope)
{
    return metric_exactly((double)count(scope).of_error[(int)m->argument]);
}

/* Neither a cut answer nor what was sent with POST or PUT may be tried again behind the client's
 * back. */
struct metric_value metric_unretried_errors(const struct metric *m,
                                            const struct metric_scope *scope)
{
    static const enum scenario_class sends[] = { CLASS_LOGIN, CLASS_SUBMIT, CLASS_UPLOAD };
    struct counts all = count(scope);
    uint64_t excused = all.of_error[RESULTS_ERROR_CUT];
    (void)m;
    for (size_t i = 0; i < ARRAY_LEN(sends); i++) {
        struct metric_scope of_class = *scope;
        of_class.class = sends[i];
        excused += count(&of_class).step_errors;
    }
    return metric_exactly(all.errors > excused ? (double)(all.errors - excused) : 0);
}

struct metric_value metric_probe_errors(const struct metric *m, const struct metric_scope *scope)
{
    uint64_t errors = 0;
    (void)m;
    for (uint32_t i = 0; i < scope->result->scenario->phase_count; i++)
        if (metric_takes_phase(scope, i))
            errors += results_phase_errors(&scope->result->probe_phases[i]);
    return metric_exactly((double)errors);
}

/* --- rates ------------------------------------------------------------------------------------ */

struct metric_value metric_done_per_s(const struct metric *m, const struct metric_scope *scope)
{
    struct counts c = count(scope);
    (void)m;
    uint64_t of_class = c.steps > c.step_errors ? c.steps - c.step_errors : 0;
    return per_s((double)(scope->class < 0 ? c.done : of_class), scope);
}

struct metric_value metric_planned_per_s(const struct metric *m, const struct metric_scope *scope)
{
    (void)m;
    return per_s((double)count(scope).planned, scope);
}

struct metric_value metric_handshakes_per_s(const struct metric *m,
                                            const struct metric_scope *scope)
{
    struct counts c = count(scope);
    (void)m;
    return per_s((double)(c.full + c.resumed), scope);
}

struct metric_value metric_goodput_of_peak(const struct metric *m, const struct metric_scope *scope)
{
    struct metric_scope phase = *scope;
    double peak = 0;
    (void)m;
    for (uint32_t i = 0; i < scope->result->scenario->phase_count; i++) {
        phase.phase = (int)i;
        peak = MAX(peak, per_s((double)count(&phase).done, &phase).value);
    }
    return metric_percent(per_s((double)count(scope).done, scope).value, peak);
}

struct metric_value metric_resumed_percent(const struct metric *m, const struct metric_scope *scope)
{
    struct counts c = count(scope);
    (void)m;
    return metric_percent((double)c.resumed, (double)(c.full + c.resumed));
}

/* --- users ------------------------------------------------------------------------------------ */

struct metric_value metric_alive_min(const struct metric *m, const struct metric_scope *scope)
{
    const struct result *r = scope->result;
    struct metric_value least = metric_unknown();
    (void)m;
    for (uint32_t i = 0; i < r->scenario->phase_count; i++) {
        struct result_span span = metric_span(r, i);
        for (uint32_t at = span.from; at < span.to && metric_takes_phase(scope, i); at++)
            if (!least.is_known || r->seconds[at].alive < least.value)
                least = metric_exactly(r->seconds[at].alive);
    }
    return least;
}

struct metric_value metric_closes(const struct metric *m, const struct metric_scope *scope)
{
    const struct result *r = scope->result;
    double closes = 0;
    (void)m;
    for (uint32_t i = 0; i < r->scenario->phase_count; i++) {
        struct result_span span = metric_span(r, i);
        for (uint32_t at = span.from; at < span.to && metric_takes_phase(scope, i); at++)
            closes += r->seconds[at].closes;
    }
    return metric_exactly(closes);
}

/* Kinds of actions of which none has succeeded. */
struct metric_value metric_steps_missing(const struct metric *m, const struct metric_scope *scope)
{
    const struct result *r = scope->result;
    uint64_t good[STEP_COUNT] = { 0 };
    double missing = 0;
    (void)m;
    for (uint32_t i = 0; i < r->scenario->phase_count; i++)
        for (int step = 0; step < STEP_COUNT && metric_takes_phase(scope, i); step++)
            good[step] += r->phases[i].steps[step] - r->phases[i].step_errors[step] +
                          r->probe_phases[i].steps[step] - r->probe_phases[i].step_errors[step];
    for (int step = 0; step < STEP_COUNT; step++)
        missing += good[step] == 0 && (step != STEP_PROBE || r->scenario->load.probe_users > 0);
    return metric_exactly(missing);
}

/* --- dossiers --------------------------------------------------------------------------------- */

/* Known without a ledger only when nothing was submitted. */
static struct metric_value of_ledger(const struct result *r, uint64_t number)
{
    uint64_t submitted = 0;
    for (uint32_t i = 0; i < r->scenario->phase_count; i++)
        submitted += r->phases[i].steps[STEP_SUBMIT] + r->phases[i].steps[STEP_DECIDE];
    return r->ledger.kept || submitted == 0 ? metric_exactly((double)number) : metric_unknown();
}

struct metric_value metric_lost(const struct metric *m, const struct metric_scope *scope)
{
    (void)m;
    return of_ledger(scope->result, scope->result->ledger.lost);
}

struct metric_value metric_doubled(const struct metric *m, const struct metric_scope *scope)
{
    (void)m;
    return of_ledger(scope->result, scope->result->ledger.doubled);
}

struct metric_value metric_wrong_content(const struct metric *m, const struct metric_scope *scope)
{
    (void)m;
    return of_ledger(scope->result, scope->result->ledger.wrong_content);
}

struct metric_value metric_untold(const struct metric *m, const struct metric_scope *scope)
{
    (void)m;
    return of_ledger(scope->result, scope->result->ledger.untold);
}

struct metric_value metric_resent(const struct metric *m, const struct metric_scope *scope)
{
    (void)m;
    return of_ledger(scope->result, scope->result->ledger.resent);
}
