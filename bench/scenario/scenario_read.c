#include "bench/scenario/scenario_read.h"

#include "bench/measure/results.h"
#include "bench/node/latency.h"
#include "bench/scenario/criterion.h"
#include "bench/scenario/province.h"
#include "bench/scenario/scenario_settings.h"
#include "config/reader.h"
#include "config/section.h"
#include "config/text.h"

#include <math.h>

#define CRITERION_BYTES_MAX 200
#define PHASE_MIN_MS 1000

struct reading {
    struct reader *reader;
    struct scenario *s;
    double users_scale;
};

static struct node part(struct reading *in, const char *key)
{
    return section_part(in->reader, reader_root(in->reader), &scenario_settings_top, key);
}

/* A problem of what stands under `key`, or of its mapping when the default is at fault. */
static void problem(struct reading *in, struct node mapping, const char *key, const char *sentence)
{
    struct node value = reader_get(in->reader, mapping, key);
    if (!value.id)
        value = mapping.id ? mapping : reader_root(in->reader);
    reader_problem(in->reader, value, "%s", sentence);
}

static uint32_t scaled(uint32_t users, double scale)
{
    double value = ceil(users * scale);
    return value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

/* --- phases ----------------------------------------------------------------------------------- */

static void check_phase(struct reading *in, struct node node, uint32_t index)
{
    const struct scenario *s = in->s;
    const struct scenario_phase *p = &s->phases[index];
    if (p->think_mean_ms <= p->think_median_ms)
        problem(in, node, "think_mean", "must be more than think_median");
    for (uint32_t i = 0; i < index; i++)
        if (p->name && s->phases[i].name && strcmp(p->name, s->phases[i].name) == 0)
            problem(in, node, "name", "is the name of another phase, too");
}

static void read_attackers(struct reading *in, struct node phase, struct scenario_phase *p)
{
    struct node node = section_part(in->reader, phase, &scenario_settings_phase, "attackers");
    section_read(in->reader, node, &scenario_settings_attackers, p);
    for (int kind = 0; kind < ATTACK_KIND_COUNT; kind++)
        p->attackers[kind] = scaled(p->attackers[kind], in->users_scale);
}

static void read_phase(struct reading *in, struct node node, uint32_t index)
{
    struct scenario_phase *p = &in->s->phases[index];
    p->resumed_percent = in->s->load.resumed_percent;
    section_read(in->reader, node, &scenario_settings_phase, p);
    read_attackers(in, node, p);
    check_phase(in, node, index);
    p->users_to = scaled(p->users_to, in->users_scale);
    p->users_from = index > 0 ? in->s->phases[index - 1].users_to : 0;
    p->arrivals_per_s = scaled(p->arrivals_per_s, in->users_scale);
    p->duration_ms = (uint64_t)((double)p->duration_ms * in->s->scale);
    p->duration_ms = MAX(p->duration_ms, PHASE_MIN_MS);
}

static void read_phases(struct reading *in)
{
    struct scenario *s = in->s;
    struct node list = part(in, "phases");
    bool is_judged = false;
    for (uint32_t i = 0; i < reader_count(in->reader, list); i++) {
        s->phase_count = i + 1;
        read_phase(in, reader_item(in->reader, list, i), i);
        is_judged = is_judged || s->phases[i].judged;
    }
    if (list.id && !is_judged)
        reader_problem(in->reader, list, "at least one phase must be judged");
    if (scenario_duration_ms(s) > RESULTS_SECONDS_MAX * 1000ull)
        reader_problem(in->reader, list, "last longer than %d s together", RESULTS_SECONDS_MAX);
}

/* --- load ------------------------------------------------------------------------------------- */

static void check_load(struct reading *in, struct node node)
{
    const struct scenario_load *load = &in->s->load;
    if (load->slow_bytes_per_s_min > load->slow_bytes_per_s_max)
        problem(in, node, "slow_rate_max", "must not be less than slow_rate_min");
    if (load->upload_bytes_min > load->upload_bytes_max)
        problem(in, node, "upload_max", "must not be less than upload_min");
    if (load->hot_procedures > load->procedures)
        problem(in, node, "hot_procedures", "must not be more than procedures");
    if (load->probe_users > 0 && load->probe_interval_ms > load->request_timeout_ms)
        problem(in, node, "probe_interval", "must not be longer than request_timeout");
}

static void read_load(struct reading *in)
{
    struct scenario_load *load = &in->s->load;
    struct node node = part(in, "load"), users = { 0, "" };
    uint32_t sum = 0;
    section_read(in->reader, node, &scenario_settings_load, load);
    if (node.id)
        users = section_part(in->reader, node, &scenario_settings_load, "users");
    section_read(in->reader, users, &scenario_settings_users, load);
    for (int kind = 0; kind < USER_KINDS; kind++)
        sum += load->user_percent[kind];
    if (sum != 100)
        reader_problem(in->reader, users, "add up to %u%%, not to 100%%", sum);
    check_load(in, node);
}

/* --- testbed ---------------------------------------------------------------------------------- */

static const char *text_or_nothing(struct slice text)
{
    return text.data ? text.data : "";
}

static void read_testbed(struct reading *in)
{
    struct latency latency;
    struct err e;
    struct node node = part(in, "testbed");
    struct scenario_testbed_row row = { .testbed = { 0 } };
    section_read(in->reader, node, &scenario_settings_testbed, &row);
    if (latency_parse(&latency, row.node_latency, &e))
        problem(in, node, "node_latency", e.text);
    in->s->testbed = row.testbed;
    in->s->testbed.node_latency = text_or_nothing(row.node_latency);
    in->s->testbed.node_options = text_or_nothing(row.node_options);
    in->s->testbed.gateway_timeouts = text_or_nothing(row.gateway_timeouts);
    in->s->testbed.gateway_settings = text_or_nothing(row.gateway_settings);
    in->s->testbed.gateway_upstream = text_or_nothing(row.gateway_upstream);
    in->s->testbed.gateway_route = text_or_nothing(row.gateway_route);
    in->s->testbed.gateway_system_route = text_or_nothing(row.gateway_system_route);
}

/* --- faults ----------------------------------------------------------------------------------- */

static bool is_of_a_node(enum scenario_fault_action action)
{
    return action <= FAULT_START_NODE || action == FAULT_LOSE_DOSSIER;
}

static bool is_of_a_gateway(enum scenario_fault_action action)
{
    return action == FAULT_KILL_GATEWAY || action == FAULT_START_GATEWAY;
}

static bool is_of_redis(enum scenario_fault_action action)
{
    return action == FAULT_KILL_REDIS || action == FAULT_START_REDIS;
}

static void read_fault_phase(struct reading *in, struct node node, struct scenario_fault *f)
{
    struct slice name = reader_scalar(in->reader, node);
    const struct scenario *s = in->s;
    while (f->phase < s->phase_count &&
           !(s->phases[f->phase].name && slice_eq(name, slice_str(s->phases[f->phase].name))))
        f->phase++;
    if (f->phase == s->phase_count) {
        reader_problem(in->reader, node, "there is no phase %s", text_quote(name).text);
        f->phase = 0;
    }
}

static void read_province(struct reading *in, struct node node, struct scenario_fault *f)
{
    struct slice name = reader_scalar(in->reader, node);
    uint32_t count = in->s->testbed.provinces;
    f->province = province_find(name);
    if (f->province < count)
        return;
    const char *nearest = province_nearest(name, count);
    if (nearest)
        reader_problem(in->reader, node, "there is no province %s; did you mean %s?",
                       text_quote(name).text, nearest);
    else
        reader_problem(in->reader, node, "there is no province %s among the first %u",
                       text_quote(name).text, (unsigned)count);
    f->province = FAULT_EVERYWHERE;
}

static void check_outage(struct reading *in, struct node node, const struct scenario_fault *f,
                         bool is_aimed)
{
    bool is_timed = f->action == FAULT_SLOW || f->action == FAULT_FLAP;
    if (!scenario_fault_is_outage(f))
        return;
    if (in->s->testbed.provinces == 0)
        problem(in, node, "action", "needs testbed.provinces");
    else if (!is_aimed && f->action != FAULT_MEND)
        problem(in, node, "action", "needs a province, or a system");
    if (f->of_system && f->province != FAULT_EVERYWHERE)
        problem(in, node, "system", "and province exclude each other");
    if (f->of_system && f->action == FAULT_FLAP)
        problem(in, node, "system", "cannot flap");
    if (is_timed && f->time_ms == 0)
        problem(in, node, "time", "is needed to be slow, or to flap");
}

static void read_outage(struct reading *in, struct node node, struct scenario_fault *f)
{
    struct scenario *s = in->s;
    struct node province = section_part(in->reader, node, &scenario_settings_fault, "province");
    struct node system = section_part(in->reader, node, &scenario_settings_fault, "system");
    f->province = FAULT_EVERYWHERE;
    f->of_system = system.id != 0;
    if (province.id && s->testbed.provinces > 0)
        read_province(in, province, f);
    if (system.id && !slice_eq(reader_scalar(in->reader, system), SLICE(SCENARIO_SYSTEM)))
        reader_problem(in->reader, system, "the shared system is " SCENARIO_SYSTEM);
    check_outage(in, node, f, province.id || system.id);
    if (f->province != FAULT_EVERYWHERE)
        s->broken_provinces |= 1ull << f->province;
    s->is_system_broken = s->is_system_broken || f->of_system;
}

static void read_fault(struct reading *in, struct node node, struct scenario_fault *f)
{
    const struct scenario *s = in->s;
    section_read(in->reader, node, &scenario_settings_fault, f);
    f->line = (uint32_t)reader_line(in->reader, node);
    f->at_ms = (uint64_t)((double)f->at_ms * s->scale);
    read_outage(in, node, f);
    struct node phase = section_part(in->reader, node, &scenario_settings_fault, "phase");
    if (!phase.id)
        return;
    read_fault_phase(in, phase, f);
    if (f->at_ms >= s->phases[f->phase].duration_ms)
        problem(in, node, "at", "is after the end of the phase");
    if (is_of_a_node(f->action) && f->argument >= s->testbed.nodes)
        problem(in, node, "argument", "is not the number of a node; they are counted from 0");
    if (is_of_a_gateway(f->action) && f->argument >= s->testbed.gateways)
        problem(in, node, "argument", "is not the number of a gateway; they are counted from 0");
    if (is_of_redis(f->action) && !s->testbed.redis)
        problem(in, node, "action", "needs testbed.redis");
}

static void check_testbed(struct reading *in)
{
    const struct scenario_testbed *t = &in->s->testbed;
    struct node node = part(in, "testbed");
    if (t->gateways > 1 && !t->redis)
        problem(in, node, "gateways", "need testbed.redis, which they share");
    for (uint32_t i = 0; i < in->s->fault_count; i++)
        if (t->gateways > 1 && in->s->faults[i].action == FAULT_DROP_CONNECTIONS)
            problem(in, node, "gateways", "must be 1 where connections are dropped");
    if (t->provinces > 0 && t->nodes != 1)
        problem(in, node, "nodes", "must be 1 where there are provinces: all peers are the one's");
    if (t->provinces > 0 && (in->s->load.sessions || t->submissions != SUBMISSIONS_OFF))
        problem(in, node, "provinces", "go without sessions and submissions");
}

static void read_faults(struct reading *in)
{
    struct node list = part(in, "faults");
    for (uint32_t i = 0; i < reader_count(in->reader, list); i++) {
        in->s->fault_count = i + 1;
        read_fault(in, reader_item(in->reader, list, i), &in->s->faults[i]);
    }
}

/* --- criteria --------------------------------------------------------------------------------- */

static void add_criterion(struct reading *in, struct node node, struct slice text)
{
    struct err e;
    struct scenario *s = in->s;
    struct scenario_criterion *c = &s->criteria[s->criterion_count];
    if (criterion_parse(c, s, in->users_scale, text, &e)) {
        reader_problem(in->reader, node, "%s", e.text);
        return;
    }
    c->text = reader_copy(in->reader, text).data;
    c->line = (uint32_t)reader_line(in->reader, node);
    s->criterion_count++;
}

static void read_criteria(struct reading *in)
{
    static const struct slice always[] = {
        SLICE("lost at most 0"),
        SLICE("doubled at most 0"),
        SLICE("wrong_content at most 0"),
    };
    struct slice text;
    struct node list = part(in, "criteria");
    for (size_t i = 0; i < reader_count(in->reader, list); i++) {
        struct node item = reader_item(in->reader, list, i);
        if (section_text(in->reader, item, 1, CRITERION_BYTES_MAX, &text))
            add_criterion(in, item, text);
    }
    for (size_t i = 0; i < ARRAY_LEN(always); i++)
        add_criterion(in, list, always[i]);
}

static void read_top(struct reading *in)
{
    struct scenario_top top = { 0 };
    section_read(in->reader, reader_root(in->reader), &scenario_settings_top, &top);
    in->s->name = top.name;
    in->s->about = text_or_nothing(top.about);
    in->s->not_available = top.not_available.data;
    in->s->seed = top.seed;
    in->s->search = top.search;
}

void scenario_read(struct scenario *s, struct slice text, double users_scale, struct diagnostics *d)
{
    struct reading in = { .s = s, .users_scale = users_scale };
    in.reader = reader_new(s->file, text, &s->arena, d);
    if (!in.reader)
        return;
    read_top(&in);
    read_load(&in); /* before the phases, which take defaults from it */
    read_phases(&in);
    read_testbed(&in); /* before the faults, which name its nodes */
    read_faults(&in);
    check_testbed(&in);
    read_criteria(&in); /* after the phases, which they name */
    reader_free(&in.reader);
}
