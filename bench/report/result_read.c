#include "bench/report/result_read.h"

#include "bench/report/result_fields.h"
#include "common/mem.h"

/* Not together with common/json.h, for both name json_object, json_array and json_string; those of
 * jansson, which only reading needs not, are never called. */
#include <jansson.h>
#include <math.h>
#include <sys/stat.h>

struct reader {
    struct result *r;
    const char *path; /* borrowed */
    struct err *e;    /* borrowed; holds the first problem */
    bool failed;
};

static void complain(struct reader *in, const char *key, const char *expected)
{
    if (!in->failed)
        (void)err_set(in->e, ERR_INVALID, "%s: \"%s\" is not %s", in->path, key, expected);
    in->failed = true;
}

static const json_t *member(struct reader *in, const json_t *parent, const char *key)
{
    const json_t *found = json_object_get(parent, key);
    if (!found)
        complain(in, key, "there");
    return found;
}

static uint64_t read_count(struct reader *in, const json_t *value, const char *key, uint64_t max)
{
    json_int_t number = json_integer_value(value);
    if (json_is_integer(value) && number >= 0 && (uint64_t)number <= max)
        return (uint64_t)number;
    complain(in, key, "a count in its range");
    return 0;
}

static const char *read_string(struct reader *in, const json_t *value, const char *key)
{
    if (!json_is_string(value)) {
        complain(in, key, "a string");
        return "";
    }
    struct slice text = slice_of(json_string_value(value), json_string_length(value));
    const char *copy = arena_copy(&in->r->arena, text).data;
    if (!copy)
        complain(in, key, "short enough");
    return copy ? copy : "";
}

static double read_number(struct reader *in, const json_t *value, const char *key)
{
    if (!json_is_number(value))
        complain(in, key, "a number");
    return json_number_value(value);
}

/* What is absent stays zero: a file of an earlier release lacks members that came later. */
static void read_field(struct reader *in, const struct field *f, const json_t *value, void *record)
{
    void *at = (char *)record + f->offset;
    if (!value) {
        if (f->type == FIELD_DOUBLE)
            *(double *)at = NAN;
        return;
    }
    switch (f->type) {
    case FIELD_U32:
        *(uint32_t *)at = (uint32_t)read_count(in, value, f->name, UINT32_MAX);
        break;
    case FIELD_U64:
        *(uint64_t *)at = read_count(in, value, f->name, INT64_MAX);
        break;
    case FIELD_INT:
        *(int *)at = (int)json_integer_value(value);
        break;
    case FIELD_DOUBLE:
        *(double *)at = read_number(in, value, f->name);
        break;
    case FIELD_BOOL:
        *(bool *)at = json_is_true(value);
        break;
    case FIELD_STRING:
        *(const char **)at = read_string(in, value, f->name);
        break;
    }
}

static void read_record(struct reader *in, const json_t *object, const struct field_table *t,
                        void *record)
{
    for (size_t i = 0; i < t->count; i++)
        read_field(in, &t->fields[i], json_object_get(object, t->fields[i].name), record);
}

static void *record_at(const struct field_table *t, void *records, size_t index)
{
    return (char *)records + index * t->record_bytes;
}

static uint32_t read_records(struct reader *in, const json_t *parent, const char *key,
                             const struct field_table *t, void *records, size_t max)
{
    const json_t *array = member(in, parent, key);
    size_t count = json_array_size(array);
    if (count > max) {
        complain(in, key, "short enough");
        return 0;
    }
    for (size_t i = 0; i < count; i++)
        read_record(in, json_array_get(array, i), t, record_at(t, records, i));
    return (uint32_t)count;
}

static void read_columns(struct reader *in, const json_t *object, const struct field_table *t,
                         void *records, size_t count)
{
    for (size_t i = 0; i < t->count; i++) {
        const json_t *column = json_object_get(object, t->fields[i].name);
        if (column && json_array_size(column) != count) {
            complain(in, t->fields[i].name, "as long as the run");
            return;
        }
        for (size_t row = 0; column && row < count; row++)
            read_field(in, &t->fields[i], json_array_get(column, row), record_at(t, records, row));
    }
}

static void read_sparse(struct reader *in, const json_t *pairs, const char *key, uint32_t *counts,
                        uint32_t size)
{
    size_t items = json_array_size(pairs);
    for (size_t i = 0; i + 1 < items; i += 2) {
        uint64_t index = read_count(in, json_array_get(pairs, i), key, size - 1);
        counts[index] = (uint32_t)read_count(in, json_array_get(pairs, i + 1), key, UINT32_MAX);
    }
}

static void read_hdr(struct reader *in, const json_t *parent, const char *key, struct hdr *h)
{
    const json_t *object = member(in, parent, key);
    h->count = read_count(in, json_object_get(object, "count"), key, INT64_MAX);
    if (h->count == 0)
        return;
    h->sum_us = read_count(in, json_object_get(object, "sum_us"), key, INT64_MAX);
    h->min_us = read_count(in, json_object_get(object, "min_us"), key, INT64_MAX);
    h->max_us = read_count(in, json_object_get(object, "max_us"), key, INT64_MAX);
    read_sparse(in, json_object_get(object, "counts"), key, h->counts, HDR_BUCKETS);
}

static uint64_t read_named(struct reader *in, const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return value ? read_count(in, value, name, INT64_MAX) : 0;
}

/* A file of an earlier release tells of none. */
static void read_groups(struct reader *in, const json_t *object, struct results_phase *p)
{
    const json_t *groups = json_object_get(object, "groups");
    for (int i = GROUP_ANY + 1; groups && i < GROUP_COUNT; i++) {
        const json_t *group = member(in, groups, scenario_group_name((enum scenario_group)i));
        read_record(in, group, &fields_group, &p->groups[i]);
        read_hdr(in, group, "wait", &p->groups[i].wait);
    }
}

static void read_phase(struct reader *in, const json_t *object, struct results_phase *p)
{
    read_record(in, object, &fields_counters, p);
    const json_t *errors = member(in, object, "errors");
    for (int i = 0; i < RESULTS_ERROR_COUNT; i++)
        p->errors[i] = read_named(in, errors, results_error_name((enum results_error)i));
    const json_t *steps = member(in, object, "steps");
    const json_t *step_errors = member(in, object, "step_errors");
    for (int i = 0; i < STEP_COUNT; i++) {
        const char *name = scenario_step_name((enum scenario_step)i);
        p->steps[i] = read_named(in, steps, name);
        p->step_errors[i] = read_named(in, step_errors, name);
    }
    const json_t *response = member(in, object, "response");
    const json_t *service = member(in, object, "service");
    for (int i = 0; i < CLASS_COUNT; i++) {
        const char *name = scenario_class_name((enum scenario_class)i);
        read_hdr(in, response, name, &p->response[i]);
        read_hdr(in, service, name, &p->service[i]);
    }
    read_hdr(in, object, "slow_response", &p->slow_response);
    read_hdr(in, object, "handshake", &p->handshake);
    read_hdr(in, object, "lag", &p->lag);
    read_groups(in, object, p);
}

static void read_phases(struct reader *in, const json_t *root, const char *key,
                        struct results_phase *phases)
{
    const json_t *array = member(in, root, key);
    if (json_array_size(array) != in->r->scenario->phase_count) {
        complain(in, key, "as long as the scenario");
        return;
    }
    for (uint32_t i = 0; i < in->r->scenario->phase_count; i++)
        read_phase(in, json_array_get(array, i), &phases[i]);
}

static void read_scenario(struct reader *in, const json_t *root, struct scenario *s)
{
    const json_t *object = member(in, root, "scenario");
    read_record(in, object, &fields_scenario, s);
    s->phase_count =
        read_records(in, object, "phases", &fields_phase, s->phases, SCENARIO_PHASES_MAX);
    read_record(in, member(in, object, "load"), &fields_load, &s->load);
    s->fault_count =
        read_records(in, object, "faults", &fields_fault, s->faults, SCENARIO_FAULTS_MAX);
    s->criterion_count =
        read_records(in, object, "criteria", &fields_criterion, s->criteria, SCENARIO_CRITERIA_MAX);
    read_record(in, member(in, object, "testbed"), &fields_testbed, &s->testbed);
    if (!s->name || s->phase_count == 0)
        complain(in, "scenario", "whole");
}

static void read_seconds(struct reader *in, const json_t *root, const json_t *seconds)
{
    struct result *r = in->r;
    read_columns(in, seconds, &fields_second, r->seconds, r->second_count);
    const json_t *response = member(in, seconds, "response");
    for (uint32_t i = 0; i < r->second_count; i++)
        read_sparse(in, json_array_get(response, i), "response", r->seconds[i].response,
                    BAND_COUNT);
    read_columns(in, member(in, root, "machine"), &fields_machine, r->machine, r->second_count);
    read_record(in, member(in, root, "machine_before"), &fields_machine, &r->before);
}

/* A file of an earlier release tells of none. */
static void read_attacks(struct reader *in, const json_t *root)
{
    const json_t *array = json_object_get(root, "attacks");
    for (uint32_t i = 0; i < in->r->scenario->phase_count; i++)
        for (int kind = 0; kind < ATTACK_KIND_COUNT; kind++)
            read_record(
                in,
                json_object_get(json_array_get(array, i), attack_kind_name((enum attack_kind)kind)),
                &fields_attack, &in->r->attacks[i].kinds[kind]);
}

/* Nor of them. */
static void read_nodes(struct reader *in, const json_t *root)
{
    const json_t *array = json_object_get(root, "nodes");
    for (uint32_t i = 0; i < in->r->scenario->phase_count; i++)
        read_record(in, json_array_get(array, i), &fields_nodes, &in->r->nodes[i]);
}

static void read_procedures(struct reader *in, const json_t *root)
{
    const json_t *array = member(in, root, "procedures");
    size_t count = json_array_size(array);
    if (count == 0)
        return;
    in->r->procedures = mem_new_array(count, sizeof(*in->r->procedures));
    in->r->procedure_count = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        struct result_procedure *p = &in->r->procedures[i];
        const json_t *object = json_array_get(array, i);
        p->number = (uint32_t)read_named(in, object, "number");
        p->done = read_named(in, object, "done");
        p->errors = read_named(in, object, "errors");
        read_sparse(in, json_object_get(object, "response"), "response", p->response, BAND_COUNT);
    }
}

/* Numbers that index something, and strings that are printed without asking whether they are there.
 */
static void check(struct reader *in)
{
    struct result *r = in->r;
    const struct scenario *s = r->scenario;
    if (r->verdict > RESULT_INVALID)
        complain(in, "verdict", "known");
    for (uint32_t i = 0; i < s->phase_count; i++)
        if (!s->phases[i].name)
            complain(in, "phases", "named");
    for (uint32_t i = 0; i < s->criterion_count; i++) {
        const struct scenario_criterion *c = &s->criteria[i];
        if (!c->metric || !c->text || c->class >= CLASS_COUNT || c->phase >= (int)s->phase_count ||
            c->group < 0 || c->group >= GROUP_COUNT)
            complain(in, "criteria", "whole");
    }
    for (uint32_t i = 0; i < r->outcome_count; i++)
        if (!r->outcomes[i].text || !r->outcomes[i].unit)
            complain(in, "outcomes", "whole");
    for (uint32_t i = 0; i < r->finding_count; i++)
        if (!r->findings[i].text || r->findings[i].gravity > FINDING_NOT_DELIVERED)
            complain(in, "findings", "whole");
    for (uint32_t i = 0; i < r->fact_count; i++)
        if (!r->facts[i].name || !r->facts[i].value)
            complain(in, "facts", "whole");
    for (uint32_t i = 0; i < r->mark_count; i++)
        if (!r->marks[i].text)
            complain(in, "marks", "whole");
    for (uint32_t i = 0; i < r->trial_count; i++)
        if (r->trials[i].verdict > RESULT_INVALID)
            complain(in, "trials", "known");
}

static void read_rest(struct reader *in, const json_t *root)
{
    struct result *r = in->r;
    read_record(in, member(in, root, "run"), &fields_run, r);
    read_record(in, member(in, root, "ledger"), &fields_ledger, &r->ledger);
    r->outcome_count =
        read_records(in, root, "outcomes", &fields_outcome, r->outcomes, RESULT_OUTCOMES_MAX);
    r->finding_count =
        read_records(in, root, "findings", &fields_finding, r->findings, RESULT_FINDINGS_MAX);
    r->fact_count = read_records(in, root, "facts", &fields_fact, r->facts, RESULT_FACTS_MAX);
    r->mark_count = read_records(in, root, "marks", &fields_mark, r->marks, RESULT_MARKS_MAX);
    r->trial_count = read_records(in, root, "trials", &fields_trial, r->trials, RESULT_TRIALS_MAX);
    r->generator_count = read_records(in, root, "generators", &fields_generator, r->generators,
                                      ARRAY_LEN(r->generators));
}

static struct result *read_root(const char *path, const json_t *root, struct err *e)
{
    struct reader in = { .path = path, .e = e };
    const char *format = json_string_value(json_object_get(root, "format"));
    json_int_t version = json_integer_value(json_object_get(root, "version"));
    if (!format || strcmp(format, RESULT_FORMAT) != 0) {
        (void)err_set(e, ERR_INVALID, "%s is not a result of cong-bench", path);
        return NULL;
    }
    if (version != RESULT_VERSION) {
        (void)err_set(e, ERR_INVALID, "%s has version %d; this program reads version %d", path,
                      (int)version, RESULT_VERSION);
        return NULL;
    }
    const json_t *seconds = json_object_get(root, "seconds");
    uint64_t count =
        read_count(&in, json_object_get(seconds, "count"), "seconds", RESULTS_SECONDS_MAX);
    if (in.failed)
        return NULL;
    in.r = result_new(NULL, (uint32_t)count);
    struct scenario *s = arena_zalloc(&in.r->arena, sizeof(*s));
    assert(s); /* the arena is larger by far */
    in.r->scenario = s;
    read_scenario(&in, root, s);
    read_phases(&in, root, "phases", in.r->phases);
    read_phases(&in, root, "probe_phases", in.r->probe_phases);
    read_attacks(&in, root);
    read_nodes(&in, root);
    read_seconds(&in, root, seconds);
    read_procedures(&in, root);
    read_rest(&in, root);
    check(&in);
    if (in.failed)
        result_free(&in.r);
    return in.r;
}

struct result *result_read(const char *path, struct err *e)
{
    char inside[4096];
    struct stat info;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        snprintf(inside, sizeof(inside), "%s/result.json", path);
        path = inside;
    }
    json_error_t problem;
    json_t *root = json_load_file(path, 0, &problem);
    if (!root) {
        if (problem.line > 0)
            (void)err_set(e, ERR_INVALID, "%s:%d: %s", path, problem.line, problem.text);
        else
            (void)err_set(e, ERR_INVALID, "%s", problem.text);
        return NULL;
    }
    struct result *r = read_root(path, root, e);
    json_decref(root);
    return r;
}
