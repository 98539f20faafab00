#include "bench/verdict/verdict.h"

#include "bench/verdict/criteria.h"
#include "bench/verdict/metric.h"
#include "bench/verdict/series.h"
#include "bench/verdict/validity.h"
#include "common/mem.h"

#define STEADY_MIN_S 60 /* shorter phases are too short to tell a warm-up from noise */

const char *verdict_name(enum result_verdict verdict)
{
    static const char *const names[] = { "PASS", "FAIL", "INVALID" };
    return names[verdict];
}

/* --- warm-up ---------------------------------------------------------------------------------- */

static bool has_fault(const struct scenario *s, uint32_t phase)
{
    for (uint32_t i = 0; i < s->fault_count; i++)
        if (s->faults[i].phase == phase)
            return true;
    return false;
}

/* The first judged phase, if it is one that shall be steady; or phase_count. */
static uint32_t steady_phase(const struct scenario *s)
{
    uint32_t i = 0;
    while (i < s->phase_count && !s->phases[i].judged)
        i++;
    if (i < s->phase_count && (s->phases[i].users_from != s->phases[i].users_to || has_fault(s, i)))
        return s->phase_count;
    return i;
}

/* Only series of seconds are cut: what was counted and timed counts from the phase's start. */
static void cut_warm_up(struct result *r)
{
    uint32_t phase = steady_phase(r->scenario);
    r->warm_up_s = 0;
    if (phase == r->scenario->phase_count)
        return;
    struct result_span span = metric_span(r, phase);
    size_t count = span.to - span.from;
    if (count < STEADY_MIN_S)
        return;
    double *p99 = mem_new_array(count, sizeof(*p99)), *done = mem_new_array(count, sizeof(*done));
    for (size_t i = 0; i < count; i++) {
        p99[i] = r->seconds[span.from + i].response_p99_us;
        done[i] = r->seconds[span.from + i].done;
    }
    r->warm_up_s = (uint32_t)MAX(series_warm_up(p99, count), series_warm_up(done, count));
    mem_free(p99);
    mem_free(done);
    if (r->warm_up_s + 5 >= count / 2)
        validity_find(r, FINDING_NOTE, "%s: it did not become steady; let it settle for longer",
                      r->scenario->phases[phase].name);
}

/* --- the verdict ------------------------------------------------------------------------------ */

static const struct result_finding *find_gravity(const struct result *r,
                                                 enum result_gravity gravity)
{
    for (uint32_t i = 0; i < r->finding_count; i++)
        if (r->findings[i].gravity == gravity)
            return &r->findings[i];
    return NULL;
}

/* The first outcome that was missed, or of which too little is known. */
static const struct result_outcome *find_outcome(const struct result *r, bool measured)
{
    for (uint32_t i = 0; i < r->outcome_count; i++)
        if (!r->outcomes[i].ok && r->outcomes[i].measured == measured)
            return &r->outcomes[i];
    return NULL;
}

static void set(struct result *r, enum result_verdict verdict, const char *reason)
{
    r->verdict = verdict;
    r->reason = reason ? reason : "";
}

static void set_of_ledger(struct result *r)
{
    set(r, RESULT_FAIL,
        arena_printf(&r->arena,
                     "of the dossiers, %llu were lost, %llu stored twice and %llu changed",
                     (unsigned long long)r->ledger.lost, (unsigned long long)r->ledger.doubled,
                     (unsigned long long)r->ledger.wrong_content));
}

static void set_missed(struct result *r, const struct result_outcome *missed)
{
    const struct result_finding *disturbed = find_gravity(r, FINDING_DISTURBED);
    if (disturbed)
        set(r, RESULT_INVALID,
            arena_printf(&r->arena, "missed: %s; but the run was disturbed: %s", missed->text,
                         disturbed->text));
    else
        set(r, RESULT_FAIL, arena_printf(&r->arena, "missed: %s", missed->text));
}

/* A run that a generator or the machine cut short has a finding that says so. */
static void set_ended(struct result *r)
{
    set(r, RESULT_FAIL,
        arena_printf(&r->arena, "the gateway ended, and the run with it, after %u s of %llu s",
                     (unsigned)r->second_count,
                     (unsigned long long)(scenario_duration_ms(r->scenario) / 1000)));
}

static void decide(struct result *r)
{
    const struct result_finding *not_delivered = find_gravity(r, FINDING_NOT_DELIVERED);
    const struct result_outcome *missed = find_outcome(r, true), *unknown = find_outcome(r, false);
    if (not_delivered)
        set(r, RESULT_INVALID, not_delivered->text);
    else if (r->ledger.lost > 0 || r->ledger.doubled > 0 || r->ledger.wrong_content > 0)
        set_of_ledger(r);
    else if (validity_ended_early(r))
        set_ended(r);
    else if (missed)
        set_missed(r, missed);
    else if (unknown)
        set(r, RESULT_INVALID,
            arena_printf(&r->arena, "too little was measured to tell: %s", unknown->text));
    else
        set(r, RESULT_PASS,
            arena_printf(&r->arena, "all %u criteria hold", (unsigned)r->outcome_count));
}

void verdict_judge(struct result *r)
{
    cut_warm_up(r);
    criteria_judge(r);
    validity_check(r);
    decide(r);
}
