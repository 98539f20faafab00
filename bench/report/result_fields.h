/* The members of what a result is made of, as tables, so that writing result.json and reading it
 * back cannot drift apart. A member's name is its key. */
#ifndef BENCH_REPORT_RESULT_FIELDS_H
#define BENCH_REPORT_RESULT_FIELDS_H

#include "bench/measure/result.h"

#define RESULT_FORMAT "cong-bench result"
#define RESULT_VERSION 1 /* grows when a reader of the old form would misunderstand the new one */

enum field_type {
    FIELD_U32,
    FIELD_U64,
    FIELD_INT,
    FIELD_DOUBLE, /* not written when it is no number, and then read as NAN */
    FIELD_BOOL,
    FIELD_STRING /* not written when NULL */
};

struct field {
    const char *name;
    enum field_type type;
    size_t offset;
};

struct field_table {
    size_t record_bytes;
    size_t count;
    const struct field *fields;
};

extern const struct field_table fields_scenario, fields_phase, fields_load, fields_fault,
    fields_criterion, fields_testbed, fields_second, fields_machine, fields_counters, fields_attack,
    fields_generator, fields_ledger, fields_fact, fields_mark, fields_trial, fields_outcome,
    fields_finding, fields_run, fields_group, fields_nodes;

static inline const void *field_at(const struct field *f, const void *record)
{
    return (const char *)record + f->offset;
}

#endif
