#include "bench/report/result_write.h"

#include "bench/report/result_fields.h"
#include "common/json.h"

#include <math.h>

/* Whole numbers in full: six digits would lose the last of a count. */
static void write_number(struct json *j, const char *key, double value)
{
    if (!isfinite(value))
        return;
    if (value >= 0 && value < 9e15 && value == floor(value))
        json_u64(j, key, (uint64_t)value);
    else
        json_double(j, key, value);
}

static void write_field(struct json *j, const char *key, const struct field *f, const void *record)
{
    const void *at = field_at(f, record);
    switch (f->type) {
    case FIELD_U32:
        json_u64(j, key, *(const uint32_t *)at);
        break;
    case FIELD_U64:
        json_u64(j, key, *(const uint64_t *)at);
        break;
    case FIELD_INT:
        json_double(j, key, *(const int *)at);
        break;
    case FIELD_DOUBLE:
        write_number(j, key, *(const double *)at);
        break;
    case FIELD_BOOL:
        json_bool(j, key, *(const bool *)at);
        break;
    case FIELD_STRING:
        if (*(const char *const *)at)
            json_string(j, key, slice_str(*(const char *const *)at));
        break;
    }
}

static void write_fields(struct json *j, const struct field_table *t, const void *record)
{
    for (size_t i = 0; i < t->count; i++)
        write_field(j, t->fields[i].name, &t->fields[i], record);
}

static void write_record(struct json *j, const char *key, const struct field_table *t,
                         const void *record)
{
    json_object(j, key);
    write_fields(j, t, record);
    json_end_object(j);
}

static const void *record_at(const struct field_table *t, const void *records, size_t index)
{
    return (const char *)records + index * t->record_bytes;
}

static void write_records(struct json *j, const char *key, const struct field_table *t,
                          const void *records, size_t count)
{
    json_array(j, key);
    for (size_t i = 0; i < count; i++)
        write_record(j, NULL, t, record_at(t, records, i));
    json_end_array(j);
}

static void write_columns(struct json *j, const struct field_table *t, const void *records,
                          size_t count)
{
    for (size_t i = 0; i < t->count; i++) {
        json_array(j, t->fields[i].name);
        for (size_t row = 0; row < count; row++)
            write_field(j, NULL, &t->fields[i], record_at(t, records, row));
        json_end_array(j);
    }
}

static void write_sparse(struct json *j, const char *key, const uint32_t *counts, uint32_t size)
{
    json_array(j, key);
    for (uint32_t i = 0; i < size; i++) {
        if (counts[i] == 0)
            continue;
        json_u64(j, NULL, i);
        json_u64(j, NULL, counts[i]);
    }
    json_end_array(j);
}

/* The quantiles are for other programs' eyes: the reader makes them from the counts. */
static void write_quantiles(struct json *j, const struct hdr *h)
{
    static const struct {
        const char *key;
        double q;
    } quantiles[] = {
        { "p50_us", 0.5 }, { "p90_us", 0.9 }, { "p99_us", 0.99 }, { "p999_us", 0.999 }
    };
    for (size_t i = 0; i < ARRAY_LEN(quantiles); i++)
        if (hdr_can_tell(h, quantiles[i].q))
            json_u64(j, quantiles[i].key, hdr_quantile(h, quantiles[i].q));
}

static void write_hdr(struct json *j, const char *key, const struct hdr *h)
{
    json_object(j, key);
    json_u64(j, "count", h->count);
    if (h->count) {
        json_u64(j, "sum_us", h->sum_us);
        json_u64(j, "min_us", h->min_us);
        json_u64(j, "max_us", h->max_us);
        write_quantiles(j, h);
        write_sparse(j, "counts", h->counts, HDR_BUCKETS);
    }
    json_end_object(j);
}

static void write_classes(struct json *j, const char *key, const struct hdr classes[CLASS_COUNT])
{
    json_object(j, key);
    for (int i = 0; i < CLASS_COUNT; i++)
        write_hdr(j, scenario_class_name((enum scenario_class)i), &classes[i]);
    json_end_object(j);
}

static void write_groups(struct json *j, const struct results_phase *p)
{
    json_object(j, "groups");
    for (int i = GROUP_ANY + 1; i < GROUP_COUNT; i++) {
        json_object(j, scenario_group_name((enum scenario_group)i));
        write_fields(j, &fields_group, &p->groups[i]);
        write_hdr(j, "wait", &p->groups[i].wait);
        json_end_object(j);
    }
    json_end_object(j);
}

static void write_phase(struct json *j, const char *key, const struct results_phase *p)
{
    json_object(j, key);
    write_fields(j, &fields_counters, p);
    json_object(j, "errors");
    for (int i = 0; i < RESULTS_ERROR_COUNT; i++)
        json_u64(j, results_error_name((enum results_error)i), p->errors[i]);
    json_end_object(j);
    json_object(j, "steps");
    for (int i = 0; i < STEP_COUNT; i++)
        json_u64(j, scenario_step_name((enum scenario_step)i), p->steps[i]);
    json_end_object(j);
    json_object(j, "step_errors");
    for (int i = 0; i < STEP_COUNT; i++)
        json_u64(j, scenario_step_name((enum scenario_step)i), p->step_errors[i]);
    json_end_object(j);
    write_classes(j, "response", p->response);
    write_classes(j, "service", p->service);
    write_hdr(j, "slow_response", &p->slow_response);
    write_hdr(j, "handshake", &p->handshake);
    write_hdr(j, "lag", &p->lag);
    write_groups(j, p);
    json_end_object(j);
}

static void write_phases(struct json *j, const char *key, const struct results_phase *phases,
                         uint32_t count)
{
    json_array(j, key);
    for (uint32_t i = 0; i < count; i++)
        write_phase(j, NULL, &phases[i]);
    json_end_array(j);
}

/* One object for each phase, with one for each kind. */
static void write_attacks(struct json *j, const struct result *r)
{
    json_array(j, "attacks");
    for (uint32_t i = 0; i < r->scenario->phase_count; i++) {
        json_object(j, NULL);
        for (int kind = 0; kind < ATTACK_KIND_COUNT; kind++)
            write_record(j, attack_kind_name((enum attack_kind)kind), &fields_attack,
                         &r->attacks[i].kinds[kind]);
        json_end_object(j);
    }
    json_end_array(j);
}

static void write_scenario(struct json *j, const struct scenario *s)
{
    json_object(j, "scenario");
    write_fields(j, &fields_scenario, s);
    write_records(j, "phases", &fields_phase, s->phases, s->phase_count);
    write_record(j, "load", &fields_load, &s->load);
    write_records(j, "faults", &fields_fault, s->faults, s->fault_count);
    write_records(j, "criteria", &fields_criterion, s->criteria, s->criterion_count);
    write_record(j, "testbed", &fields_testbed, &s->testbed);
    json_end_object(j);
}

static void write_seconds(struct json *j, const struct result *r)
{
    json_object(j, "seconds");
    json_u64(j, "count", r->second_count);
    write_columns(j, &fields_second, r->seconds, r->second_count);
    json_array(j, "response");
    for (uint32_t i = 0; i < r->second_count; i++)
        write_sparse(j, NULL, r->seconds[i].response, BAND_COUNT);
    json_end_array(j);
    json_end_object(j);
    json_object(j, "machine");
    write_columns(j, &fields_machine, r->machine, r->second_count);
    json_end_object(j);
    write_record(j, "machine_before", &fields_machine, &r->before);
}

static void write_procedures(struct json *j, const struct result *r)
{
    json_array(j, "procedures");
    for (uint32_t i = 0; i < r->procedure_count; i++) {
        const struct result_procedure *p = &r->procedures[i];
        json_object(j, NULL);
        json_u64(j, "number", p->number);
        json_u64(j, "done", p->done);
        json_u64(j, "errors", p->errors);
        write_sparse(j, "response", p->response, BAND_COUNT);
        json_end_object(j);
    }
    json_end_array(j);
}

void result_write(const struct result *r, struct buf *out)
{
    struct json j;
    json_init(&j, out);
    json_object(&j, NULL);
    json_string(&j, "format", SLICE(RESULT_FORMAT));
    json_u64(&j, "version", RESULT_VERSION);
    write_record(&j, "run", &fields_run, r);
    write_records(&j, "outcomes", &fields_outcome, r->outcomes, r->outcome_count);
    write_records(&j, "findings", &fields_finding, r->findings, r->finding_count);
    write_record(&j, "ledger", &fields_ledger, &r->ledger);
    write_records(&j, "facts", &fields_fact, r->facts, r->fact_count);
    write_records(&j, "marks", &fields_mark, r->marks, r->mark_count);
    write_records(&j, "trials", &fields_trial, r->trials, r->trial_count);
    write_records(&j, "generators", &fields_generator, r->generators, r->generator_count);
    write_scenario(&j, r->scenario);
    write_phases(&j, "phases", r->phases, r->scenario->phase_count);
    write_phases(&j, "probe_phases", r->probe_phases, r->scenario->phase_count);
    write_attacks(&j, r);
    write_records(&j, "nodes", &fields_nodes, r->nodes, r->scenario->phase_count);
    write_seconds(&j, r);
    write_procedures(&j, r);
    json_end_object(&j);
    buf_append_char(out, '\n');
}
