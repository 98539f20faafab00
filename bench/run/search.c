#include "bench/run/search.h"

#include "bench/measure/result_sums.h"
#include "bench/verdict/verdict.h"
#include "common/mem.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define CLOSE_ENOUGH 1.05
#define SMALLEST_FACTOR (1.0 / 1024)
#define CONFIRMATIONS 3

struct search {
    const struct coordinator_setup *setup;
    struct result_trial trials[RESULT_TRIALS_MAX];
    uint32_t trial_count;
    double passed, failed; /* factors; 0: none yet */
    struct scenario *scenario;
    struct result *result; /* of the last trial that shall be kept */
    struct err *e;
};

static struct scenario *load(struct search *s, double factor)
{
    const struct coordinator_setup *setup = s->setup;
    struct diagnostics problems;
    diagnostics_init(&problems);
    struct scenario *scenario = scenario_load(setup->scenario->file, setup->scenario->scale,
                                              setup->users_scale * factor, &problems);
    if (scenario)
        scenario->seed = setup->scenario->seed + s->trial_count;
    else
        err_set(s->e, ERR_INVALID, "%.*s", SLICE_ARG(buf_slice(&problems.text)));
    diagnostics_fini(&problems);
    return scenario;
}

static void keep(struct search *s, struct scenario *scenario, struct result *result)
{
    result_free(&s->result);
    scenario_free(&s->scenario);
    s->scenario = scenario;
    s->result = result;
}

static void note(struct search *s, const struct result *r)
{
    struct result_clocks *clocks = mem_new(sizeof(*clocks));
    struct result_trial *t = &s->trials[s->trial_count++];
    struct result_span span = result_phase_span(r, r->scenario->phase_count - 1);
    uint64_t done = 0;
    for (uint32_t i = span.from; i < span.to; i++)
        done += r->seconds[i].done;
    result_clocks(r, -1, -1, clocks);
    t->users = scenario_users_max(r->scenario);
    t->done_per_s = span.to > span.from ? (double)done / (span.to - span.from) : 0;
    t->response_p99_us = hdr_quantile(&clocks->response, 0.99);
    t->verdict = r->verdict;
    printf("trial %u: %u users, %.0f req/s, p99 %.1f ms: %s\n", s->trial_count, t->users,
           t->done_per_s, (double)t->response_p99_us / 1000, verdict_name(t->verdict));
    mem_free(clocks);
}

/* One run at `factor` times the users; its verdict, or negative when it could not be made. */
static int run_trial(struct search *s, double factor)
{
    char folder[PATH_MAX];
    struct coordinator_setup setup = *s->setup;
    struct scenario *scenario = load(s, factor);
    if (!scenario)
        return ERR_INVALID;
    snprintf(folder, sizeof(folder), "%s/trial-%02u", s->setup->folder, s->trial_count + 1);
    mkdir(folder, 0755);
    setup.folder = folder;
    setup.scenario = scenario;
    setup.users_scale = s->setup->users_scale * factor;
    struct result *result = coordinator_run(&setup, s->e);
    if (!result) {
        scenario_free(&scenario);
        return ERR_SYSTEM;
    }
    note(s, result);
    int verdict = (int)result->verdict;
    bool is_worth_keeping = verdict == RESULT_PASS || s->passed == 0 || result->interrupted;
    if (is_worth_keeping) {
        keep(s, scenario, result);
    } else {
        result_free(&result);
        scenario_free(&scenario);
    }
    return verdict;
}

static bool may_go_on(const struct search *s)
{
    return !s->setup->interrupt->raised && s->trial_count < RESULT_TRIALS_MAX;
}

/* What was INVALID may have been disturbed by something that is over: it gets a second chance. */
static int try_load(struct search *s, double factor)
{
    int verdict = run_trial(s, factor);
    if (verdict == RESULT_INVALID && may_go_on(s))
        verdict = run_trial(s, factor);
    return verdict;
}

/* Moves one of the bounds. A trial that could not be made is a bound too, but not if it was the
 * first. */
static bool step(struct search *s, double factor)
{
    if (!may_go_on(s))
        return false;
    int verdict = try_load(s, factor);
    if (s->setup->interrupt->raised || s->trial_count == 0)
        return false;
    if (verdict == RESULT_PASS)
        s->passed = MAX(s->passed, factor);
    else
        s->failed = s->failed > 0 ? MIN(s->failed, factor) : factor;
    return true;
}

static bool find_bounds(struct search *s)
{
    bool ok = step(s, 1);
    while (ok && s->failed == 0)
        ok = step(s, s->passed * 2);
    while (ok && s->passed == 0 && s->failed > SMALLEST_FACTOR)
        ok = step(s, s->failed / 2);
    return ok && s->passed > 0;
}

/* The pass that the search ended with counts as the first. Where one fails, a little less has to
 * pass as often. */
static bool confirm(struct search *s)
{
    int passes = 1;
    while (passes < CONFIRMATIONS && s->passed > SMALLEST_FACTOR && may_go_on(s)) {
        if (try_load(s, s->passed) == RESULT_PASS) {
            passes++;
        } else {
            s->passed /= CLOSE_ENOUGH;
            passes = 0;
        }
    }
    return passes == CONFIRMATIONS;
}

struct result *search_run(const struct coordinator_setup *setup, struct scenario **scenario,
                          struct err *e)
{
    struct search *s = mem_new(sizeof(*s));
    s->setup = setup;
    s->e = e;
    bool ok = find_bounds(s);
    while (ok && s->failed > s->passed * CLOSE_ENOUGH)
        ok = step(s, (s->passed + s->failed) / 2);
    bool is_confirmed = ok && confirm(s);
    struct result *result = s->result;
    *scenario = s->scenario;
    if (result) {
        memcpy(result->trials, s->trials, sizeof(s->trials));
        result->trial_count = s->trial_count;
    }
    if (result && !is_confirmed && result->verdict == RESULT_PASS) {
        result->verdict = RESULT_FAIL;
        result->reason = "no load passed three times of three";
    }
    mem_free(s);
    return result;
}
