#include "fakes/fake_result.h"

#include "bench/measure/result_sums.h"
#include "bench/node/seed.h"
#include "bench/verdict/verdict.h"
#include "common/mem.h"

#include <math.h>

#define RAMP_S 240
#define SETTLE_S 60

static struct scenario *make_scenario(struct arena *a, const struct fake_result *f)
{
    struct scenario *s = arena_zalloc(a, sizeof(*s));
    assert(s);
    s->name = "hold";
    s->about = "As many citizens as the portal is built for, for as long as a busy hour's peak.";
    s->file = "bench/scenarios/hold.yaml";
    s->scale = 1;
    s->seed = f->seed;
    s->phase_count = 3;
    s->phases[0] = (struct scenario_phase){ .name = "ramp",
                                            .duration_ms = RAMP_S * 1000,
                                            .users_to = f->users,
                                            .think_median_ms = 20000,
                                            .think_mean_ms = 30000 };
    s->phases[1] = s->phases[2] = s->phases[0];
    s->phases[1].name = "settle";
    s->phases[1].duration_ms = SETTLE_S * 1000;
    s->phases[2].name = "hold";
    s->phases[2].duration_ms = f->hold_s * 1000ULL;
    s->phases[2].judged = true;
    s->phases[1].users_from = s->phases[2].users_from = f->users;
    s->load = (struct scenario_load){ .user_percent = { 70, 15, 5, 5, 5 },
                                      .procedures = 2000,
                                      .hot_procedures = 20,
                                      .hot_percent = 70,
                                      .probe_users = 200,
                                      .probe_interval_ms = 1000 };
    static const struct scenario_criterion criteria[] = {
        { "response_p50", CLASS_READ, -1, GROUP_ANY, false, 25, "response_p50 of read at most 25ms",
          31 },
        { "response_p99", CLASS_READ, -1, GROUP_ANY, false, 250,
          "response_p99 of read at most 250ms", 32 },
        { "response_p999", CLASS_READ, -1, GROUP_ANY, false, 1000,
          "response_p999 of read at most 1s", 33 },
        { "error_percent", -1, -1, GROUP_ANY, false, 0.05, "error_percent at most 0.05%", 34 },
        { "gateway_memory_per_user", -1, -1, GROUP_ANY, false, 16384,
          "gateway_memory_per_user at most 16KiB", 35 },
        { "lost", -1, -1, GROUP_ANY, false, 0, "lost at most 0", 36 },
        { "doubled", -1, -1, GROUP_ANY, false, 0, "doubled at most 0", 37 },
    };
    s->criterion_count = ARRAY_LEN(criteria);
    for (uint32_t i = 0; i < s->criterion_count; i++)
        s->criteria[i] = criteria[i];
    s->testbed = (struct scenario_testbed){
        .nodes = 4, .gateway_workers = 8, .node_latency = "lognormal:8ms,20ms", .node_options = ""
    };
    return s;
}

static double normal(struct random *random)
{
    double radius = sqrt(-2 * log(1 - seed_fraction(random)));
    return radius * cos(6.283185307 * seed_fraction(random));
}

/* For ten seconds in the middle of the hold all is eight times slower. */
static double slowness_at(const struct fake_result *f, uint32_t second)
{
    uint32_t hiccup = RAMP_S + SETTLE_S + f->hold_s / 2;
    return second >= hiccup && second < hiccup + 10 ? f->slowness * 8 : f->slowness;
}

static enum scenario_step step_of(double chance)
{
    if (chance < 0.01)
        return STEP_UPLOAD;
    if (chance < 0.03)
        return STEP_SUBMIT;
    if (chance < 0.06)
        return STEP_LOGIN;
    return chance < 0.5 ? STEP_PROCEDURE : STEP_CATALOGUE;
}

static void make_request(const struct fake_result *f, struct result *r, struct random *random,
                         uint32_t second, struct results_phase *p)
{
    enum scenario_step step = step_of(seed_fraction(random));
    enum scenario_class class = scenario_step_class(step);
    double slowness = slowness_at(f, second) * (class == CLASS_UPLOAD ? 30 : 1);
    uint64_t service_us = (uint64_t)(4000 * slowness * exp(0.9 * normal(random))) + 300;
    uint64_t lag_us = (uint64_t)(120 * exp(1.2 * normal(random)));
    struct results_second *s = &r->seconds[second];
    p->groups[GROUP_HEALTHY].planned++;
    hdr_record(&p->lag, lag_us);
    p->steps[step]++;
    p->planned++;
    p->issued++;
    s->planned++;
    s->issued++;
    if (seed_fraction(random) < (second % 97 == 3 ? 0.004 : 0.00005)) {
        p->errors[second % 2 ? RESULTS_ERROR_TIMEOUT : RESULTS_ERROR_STATUS_5XX]++;
        p->step_errors[step]++;
        p->groups[GROUP_HEALTHY].errors++;
        s->errors++;
        return;
    }
    hdr_record(&p->service[class], service_us);
    hdr_record(&p->response[class], service_us + lag_us);
    hdr_record(&p->groups[GROUP_HEALTHY].wait, service_us + lag_us);
    p->groups[GROUP_HEALTHY].done++;
    s->response[band_of(service_us + lag_us)]++;
    s->response_max_us = MAX(s->response_max_us, (uint32_t)(service_us + lag_us));
    p->done++;
    s->done++;
    if (f->procedures) {
        double place = pow(seed_fraction(random), 4) * f->procedures;
        r->procedures[(uint32_t)place].done++;
        r->procedures[(uint32_t)place].response[band_of(service_us + lag_us)]++;
    }
}

static void make_second(const struct fake_result *f, struct result *r, struct random *random,
                        uint32_t second)
{
    uint32_t phase = second < RAMP_S ? 0 : second < RAMP_S + SETTLE_S ? 1 : 2;
    double full = MIN((second + 1) / (double)RAMP_S, 1);
    struct results_phase *p = &r->phases[phase];
    struct results_second *s = &r->seconds[second];
    s->users = s->alive = (uint32_t)(full * f->users);
    uint32_t wanted = (uint32_t)(full * f->requests_per_s * (1 + 0.02 * normal(random)));
    for (uint32_t i = 0; i < wanted; i++)
        make_request(f, r, random, second, p);
    for (uint32_t i = 0; phase == 0 && i < f->users / RAMP_S; i++) {
        hdr_record(&p->handshake, (uint64_t)(9000 * f->slowness * exp(0.7 * normal(random))));
        p->handshakes_full += i % 10 >= 3;
        p->handshakes_resumed += i % 10 < 3;
        s->connects++;
    }
    s->response_p99_us = (uint32_t)band_quantile(s->response, 0.99);
    s->lag_p99_us = (uint32_t)(900 + 300 * fabs(normal(random)));

    struct results_machine *m = &r->machine[second];
    *m = (struct results_machine){
        .core_busy = { 15 + 45 * full + 2 * normal(random), 12 + 38 * full + 2 * normal(random) },
        .foreign = 0.4,
        .gateway_cpu = 40 * full + 1.5 * fabs(normal(random)),
        .generators_cpu = 35 * full + 2,
        .nodes_cpu = 9 * full,
        .gateway_pss = r->before.gateway_pss + (uint64_t)(full * f->users * 15500),
        .gateway_rss = r->before.gateway_pss + (uint64_t)(full * f->users * 15600),
        .gateway_allocated = (uint64_t)(full * f->users * 14900),
        .gateway_in_use = (uint64_t)(full * f->users * 15200),
        .generators_pss = r->before.generators_pss + (uint64_t)(full * f->users * 28000),
        .kernel_slab = r->before.kernel_slab + (uint64_t)(full * f->users * 11800),
        .tcp_memory = (uint64_t)(full * f->users * 900),
        .kernel_sockets = s->users + 200,
        .gateway_connections = s->users + 200,
        .gateway_fds = s->users + 900,
    };
}

static void add_words(struct result *r, const struct fake_result *f)
{
    r->scenario_text =
        "name: hold\nabout: as many citizens as the portal is built for\n"
        "# <b>not bold</b> & \"quoted\"\nphases:\n  - ramp: { for: 4m, users: 0..120000 }\n";
    r->gateway_config = "listen:\n  - address: 127.0.0.1:24443\n    tls: true\n";
    r->command = "cong-bench run hold";
    r->started_unix_s = 1795000000;
    static const struct result_fact facts[] = {
        { "processor", "AMD EPYC 9B14, 2 cores", true },
        { "memory", "24 GiB", true },
        { "kernel", "Linux 6.1.0-13-amd64", true },
        { "OpenSSL", "3.0.15", false },
        { "cong-bench", "0.1.0", false },
    };
    r->fact_count = ARRAY_LEN(facts);
    for (uint32_t i = 0; i < r->fact_count; i++)
        r->facts[i] = facts[i];
    uint64_t middle_ms = (RAMP_S + SETTLE_S + f->hold_s / 2) * 1000ULL;
    r->marks[0] = (struct result_mark){ middle_ms, "node 3 killed" };
    r->marks[1] = (struct result_mark){ middle_ms + 10000, "node 3 started again" };
    r->mark_count = 2;
    r->ledger = (struct result_ledger){
        .kept = true, .sent = 24018, .acknowledged = 24011, .stored = 24013, .unacknowledged = 2
    };
    for (uint32_t i = 0; i < 9; i++)
        r->generators[i] = (struct result_generator){ .users = i < 8 ? f->users / 8 : 200,
                                                      .is_probe = i == 8,
                                                      .pss_bytes = i < 8 ? 430000000 : 9000000,
                                                      .cpu_us = 41000000 };
    r->generator_count = 9;
}

struct result *fake_result_new(const struct fake_result *f)
{
    struct random random;
    seed_random(&random, f->seed);
    struct result *r = result_new(NULL, RAMP_S + SETTLE_S + f->hold_s);
    r->scenario = make_scenario(&r->arena, f);
    r->before = (struct results_machine){ .gateway_pss = 60000000,
                                          .generators_pss = 40000000,
                                          .kernel_slab = 300000000 };
    if (f->procedures) {
        r->procedures = mem_new_array(f->procedures, sizeof(*r->procedures));
        r->procedure_count = f->procedures;
        for (uint32_t i = 0; i < f->procedures; i++)
            r->procedures[i].number = i;
    }
    for (uint32_t second = 0; second < r->second_count; second++)
        make_second(f, r, &random, second);
    for (uint32_t i = 0; i < 20000; i++)
        hdr_record(&r->probe_phases[2].response[CLASS_READ],
                   (uint64_t)(3500 * f->slowness * exp(0.8 * normal(&random))));
    add_words(r, f);
    verdict_judge(r);
    return r;
}
