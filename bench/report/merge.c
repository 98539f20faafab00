#include "bench/report/merge.h"

#include "bench/measure/result_sums.h"
#include "bench/verdict/metric.h"

#include <string.h>

static bool same_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

static int check(const struct result *r, const struct result *other, const char *name,
                 struct err *e)
{
    const struct scenario *a = r->scenario;
    const struct scenario *b = other->scenario;
    if (strcmp(a->name, b->name) != 0 || !same_text(r->scenario_text, other->scenario_text) ||
        a->phase_count != b->phase_count || a->criterion_count != b->criterion_count)
        return err_set(e, ERR_INVALID, "%s ran another scenario (%s) than the first (%s)", name,
                       b->name, a->name);
    for (uint32_t i = 0; i < a->phase_count; i++)
        if (a->phases[i].duration_ms != b->phases[i].duration_ms)
            return err_set(e, ERR_INVALID, "%s ran the phase %s for another time than the first",
                           name, a->phases[i].name);
    return 0;
}

static bool counts_users(const struct scenario_criterion *c)
{
    const struct metric *m = metric_find(slice_str(c->metric));
    return m && (m->unit == METRIC_USERS || m->unit == METRIC_RATE);
}

static void add_scenario(struct scenario *into, const struct scenario *from)
{
    for (uint32_t i = 0; i < into->phase_count; i++) {
        into->phases[i].users_from += from->phases[i].users_from;
        into->phases[i].users_to += from->phases[i].users_to;
        into->phases[i].arrivals_per_s += from->phases[i].arrivals_per_s;
    }
    for (uint32_t i = 0; i < into->criterion_count; i++)
        if (counts_users(&into->criteria[i]))
            into->criteria[i].limit += from->criteria[i].limit;
    into->load.connects_per_s += from->load.connects_per_s;
    into->load.probe_users += from->load.probe_users;
}

static void add_words(struct result *r, const struct result *other, const char *name)
{
    struct arena *a = &r->arena;
    if (r->fact_count < RESULT_FACTS_MAX) {
        const char *machine = arena_printf(a, "load machine %u", r->machines + 1);
        const char *value = arena_printf(a, "%s", name);
        if (machine && value)
            r->facts[r->fact_count++] = (struct result_fact){ machine, value, false };
    }
    for (uint32_t i = 0; i < other->mark_count && r->mark_count < RESULT_MARKS_MAX; i++) {
        const char *text = arena_printf(a, "%s (%s)", other->marks[i].text, name);
        if (text)
            r->marks[r->mark_count++] = (struct result_mark){ other->marks[i].at_ms, text };
    }
}

int merge_result(struct result *r, const struct result *other, const char *name, struct err *e)
{
    int rc = check(r, other, name, e);
    if (rc != 0)
        return rc;
    struct scenario *sum = arena_alloc(&r->arena, sizeof(*sum));
    if (!sum)
        return err_set(e, ERR_NO_MEMORY, "too many results to merge");
    *sum = *r->scenario;
    add_scenario(sum, other->scenario);
    r->scenario = sum;
    add_words(r, other, name);
    result_add(r, other);
    r->finding_count = 0; /* each machine alone saw more connections at the gateway than its own */
    return 0;
}
