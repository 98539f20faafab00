#include "bench/verdict/metric.h"

#include <math.h>

const struct metric *metric_find(struct slice name)
{
    for (size_t i = 0; i < METRIC_COUNT; i++)
        if (slice_eq(name, slice_str(metric_table[i].name)))
            return &metric_table[i];
    return NULL;
}

const char *metric_unit_name(enum metric_unit unit)
{
    switch (unit) {
    case METRIC_MS:
        return "ms";
    case METRIC_PERCENT:
        return "%";
    case METRIC_BYTES:
        return "bytes";
    default:
        return "";
    }
}

void metric_gather(const struct metric *m, const struct metric_scope *scope, struct hdr *into)
{
    const struct result *r = scope->result;
    memset(into, 0, sizeof(*into));
    hdr_init(into);
    for (uint32_t i = 0; i < r->scenario->phase_count; i++)
        if (metric_takes_phase(scope, i))
            m->gather(m->of_probe ? &r->probe_phases[i] : &r->phases[i], scope, into);
}

struct metric_value metric_unknown(void)
{
    return (struct metric_value){ .value = NAN, .low = NAN, .high = NAN };
}

struct metric_value metric_exactly(double value)
{
    return (struct metric_value){ .is_known = true, .value = value, .low = NAN, .high = NAN };
}

struct metric_value metric_percent(double part, double whole)
{
    return whole > 0 ? metric_exactly(100 * part / whole) : metric_unknown();
}

bool metric_takes_phase(const struct metric_scope *scope, uint32_t phase)
{
    if (scope->phase >= 0)
        return (uint32_t)scope->phase == phase;
    return scope->result->scenario->phases[phase].judged;
}

bool metric_takes_step(const struct metric_scope *scope, int step)
{
    return scope->class < 0 || scope->class == (int)scenario_step_class((enum scenario_step)step);
}

bool metric_takes_group(const struct metric_scope *scope, int group)
{
    return scope->group == GROUP_ANY || scope->group == group;
}

struct result_span metric_span(const struct result *r, uint32_t phase)
{
    uint64_t start_ms = 0;
    for (uint32_t i = 0; i < phase; i++)
        start_ms += r->scenario->phases[i].duration_ms;
    uint64_t from = (start_ms + 999) / 1000;
    uint64_t to = (start_ms + r->scenario->phases[phase].duration_ms) / 1000;
    to = MIN(to, r->second_count);
    return (struct result_span){ (uint32_t)MIN(from, to), (uint32_t)to };
}

double metric_duration_s(const struct metric_scope *scope)
{
    double ms = 0;
    for (uint32_t i = 0; i < scope->result->scenario->phase_count; i++)
        if (metric_takes_phase(scope, i))
            ms += (double)scope->result->scenario->phases[i].duration_ms;
    return ms / 1000;
}

size_t metric_steady_seconds(const struct metric_scope *scope, uint32_t *seconds)
{
    size_t count = 0;
    for (uint32_t i = 0; i < scope->result->scenario->phase_count; i++) {
        struct result_span span = result_phase_span(scope->result, i);
        for (uint32_t second = span.from; second < span.to && metric_takes_phase(scope, i);
             second++)
            seconds[count++] = second;
    }
    return count;
}
