#include "bench/verdict/validity.h"

#include "bench/measure/result_sums.h"
#include "bench/verdict/metric.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#define ISSUED_MIN_PERCENT 99.5
#define IN_TIME_MIN_PERCENT 99.0
#define COUNTS_PERCENT 0.1 /* by which the witnesses may differ */
#define COUNTS_SLACK 3     /* the metrics' own connection, one just opened, one just closed */
#define LAG_P99_MAX_MS 20
#define IDLE_MIN_PERCENT 15
#define STEAL_MAX_PERCENT 2
#define FOREIGN_MAX_PERCENT 3

void validity_find(struct result *r, enum result_gravity gravity, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    /* The gravest must not be lost to a full list. */
    uint32_t at = MIN(r->finding_count, RESULT_FINDINGS_MAX - 1);
    const char *copy = arena_printf(&r->arena, "%s", text);
    r->findings[at] = (struct result_finding){ gravity, copy ? copy : "" };
    r->finding_count = at + 1;
}

/* --- was the load delivered? ------------------------------------------------------------------ */

static void check_delivery(struct result *r, const char *where, const struct results_phase *p)
{
    if (p->planned == 0)
        return;
    double issued = 100 * (double)p->issued / (double)p->planned;
    double in_time = p->issued > 0 ? 100 - 100 * (double)p->sent_late / (double)p->issued : 100;
    if (issued < ISSUED_MIN_PERCENT)
        validity_find(r, FINDING_NOT_DELIVERED,
                      "%s: %.2f%% of the planned actions were issued, of at least %.1f%%", where,
                      issued, ISSUED_MIN_PERCENT);
    if (in_time < IN_TIME_MIN_PERCENT)
        validity_find(r, FINDING_NOT_DELIVERED,
                      "%s: %.2f%% of the actions were sent within 50 ms of their plan, of at least "
                      "%.0f%%",
                      where, in_time, IN_TIME_MIN_PERCENT);
}

static uint64_t attackers_unable(const struct result *r, uint32_t phase)
{
    uint64_t unable = 0;
    for (int kind = 0; kind < ATTACK_KIND_COUNT; kind++)
        unable += r->attacks[phase].kinds[kind].outcomes[ATTACK_UNABLE];
    return unable;
}

static void check_starts(struct result *r)
{
    uint64_t not_started = 0, planned = 0;
    for (uint32_t i = 0; i < r->scenario->phase_count; i++) {
        not_started += r->phases[i].errors[RESULTS_ERROR_GENERATOR] +
                       r->probe_phases[i].errors[RESULTS_ERROR_GENERATOR] + attackers_unable(r, i);
        planned += r->scenario->phases[i].judged ? r->phases[i].planned : 0;
    }
    if (not_started > 0)
        validity_find(r, FINDING_NOT_DELIVERED,
                      "%llu times a generator could not start what it had to",
                      (unsigned long long)not_started);
    if (planned == 0 && !validity_ended_early(r))
        validity_find(r, FINDING_NOT_DELIVERED, "no action was planned in the judged phases");
    if (r->interrupted)
        validity_find(r, FINDING_NOT_DELIVERED, "the run was interrupted");
}

/* --- do the witnesses agree? ------------------------------------------------------------------ */

struct counts {
    double users, gateway, kernel;
};

/* Means over the second half of the phase: some counts stand still for seconds between two
 * observations, and must not tell of the phase before. */
static struct counts mean_counts(const struct result *r, struct result_span span)
{
    struct counts mean = { 0 };
    uint32_t from = span.from + (span.to - span.from) / 2;
    for (uint32_t i = from; i < span.to; i++) {
        mean.users += r->seconds[i].users;
        mean.gateway += r->machine[i].gateway_connections;
        mean.kernel += r->machine[i].kernel_sockets;
    }
    double seconds = MAX(span.to - from, 1);
    mean.users /= seconds;
    mean.gateway /= seconds;
    mean.kernel /= seconds;
    return mean;
}

static uint32_t probe_users(const struct result *r)
{
    uint32_t users = 0;
    for (uint32_t i = 0; i < r->generator_count; i++)
        users += r->generators[i].is_probe ? r->generators[i].users : 0;
    return users;
}

/* Attackers come and go all the time, so that anything from none to all may be counted. */
static uint32_t attackers_of(const struct scenario_phase *p)
{
    uint32_t sum = 0;
    for (int kind = 0; kind < ATTACK_KIND_COUNT; kind++)
        sum += p->attackers[kind];
    return sum;
}

static void check_count(struct result *r, const struct scenario_phase *p, const char *witness,
                        double count, double users)
{
    double tolerance = users * COUNTS_PERCENT / 100 + COUNTS_SLACK + p->arrivals_per_s;
    bool is_few = count < users - tolerance;
    bool are_many = count > users + attackers_of(p) + tolerance;
    if (count > 0 && (is_few || are_many))
        validity_find(r, FINDING_NOT_DELIVERED,
                      "%s: the clients had %.0f connections, but the %s counted %.0f", p->name,
                      users, witness, count);
    if (count <= 0 && users > 0)
        validity_find(r, FINDING_NOTE, "%s: the %s did not count connections", p->name, witness);
}

/* Only where the number of users stands still: the witnesses are not asked at the same instant. */
static void check_counts(struct result *r, uint32_t phase)
{
    const struct scenario_phase *p = &r->scenario->phases[phase];
    struct result_span span = metric_span(r, phase);
    if (p->users_from != p->users_to || span.from == span.to)
        return;
    struct counts mean = mean_counts(r, span);
    double users = mean.users + probe_users(r);
    check_count(r, p, "gateway", mean.gateway, users);
    check_count(r, p, "kernel", mean.kernel, users);
}

/* --- was anything else in the way? ------------------------------------------------------------ */

static void check_lag(struct result *r, const char *where, const struct results_phase *p)
{
    double lag_ms = (double)hdr_quantile(&p->lag, 0.99) / 1000;
    if (lag_ms > LAG_P99_MAX_MS)
        validity_find(r, FINDING_DISTURBED,
                      "%s: the generators were late by %.1f ms (p99), more than %d ms", where,
                      lag_ms, LAG_P99_MAX_MS);
}

static void check_machine(struct result *r, uint32_t phase)
{
    const char *where = r->scenario->phases[phase].name;
    struct result_span span = metric_span(r, phase);
    double busy = 0, steal = 0, foreign = 0, seconds = MAX(span.to - span.from, 1);
    for (uint32_t i = span.from; i < span.to; i++) {
        /* Attackers give way to the generators, and take what these leave. */
        busy += (r->machine[i].core_busy[1] - r->machine[i].attackers_cpu) / seconds;
        steal += r->machine[i].steal / seconds;
        foreign += r->machine[i].foreign / seconds;
    }
    if (100 - busy < IDLE_MIN_PERCENT)
        validity_find(r, FINDING_DISTURBED,
                      "%s: the generators' core was %.1f%% idle, less than %d%%", where, 100 - busy,
                      IDLE_MIN_PERCENT);
    if (steal > STEAL_MAX_PERCENT)
        validity_find(r, FINDING_DISTURBED,
                      "%s: %.1f%% of the processor was taken by other machines, more than %d%%",
                      where, steal, STEAL_MAX_PERCENT);
    if (foreign > FOREIGN_MAX_PERCENT)
        validity_find(r, FINDING_DISTURBED,
                      "%s: %.1f%% of the processor was taken by other programs, more than %d%%",
                      where, foreign, FOREIGN_MAX_PERCENT);
}

bool validity_ended_early(const struct result *r)
{
    return r->second_count < (scenario_duration_ms(r->scenario) + 999) / 1000;
}

void validity_check(struct result *r)
{
    check_starts(r);
    for (uint32_t i = 0; i < r->scenario->phase_count; i++) {
        const char *name = r->scenario->phases[i].name;
        if (!r->scenario->phases[i].judged)
            continue;
        char probe[64];
        snprintf(probe, sizeof(probe), "the probe in %s", name);
        check_delivery(r, name, &r->phases[i]);
        check_delivery(r, probe, &r->probe_phases[i]);
        check_counts(r, i);
        check_lag(r, name, &r->phases[i]);
        check_lag(r, probe, &r->probe_phases[i]);
        check_machine(r, i);
    }
}
