#include "bench/scenario/describe.h"

#include "bench/scenario/scenario_settings.h"
#include "bench/verdict/metric.h"

#include <stdio.h>

static const char *kind_of(const struct setting *row)
{
    switch (row->type) {
    case SETTING_COUNT:
        return "number";
    case SETTING_DURATION:
        return "duration";
    case SETTING_SIZE:
        return "size";
    case SETTING_BOOL:
        return "true or false";
    case SETTING_CHOICE:
        return "one of";
    case SETTING_LIST:
        return "list";
    case SETTING_MAPPING:
        return "mapping";
    default:
        return "text";
    }
}

static void describe_row(struct buf *out, const struct section *section, const struct setting *row)
{
    char key[64];
    snprintf(key, sizeof(key), "%s%s%s", section->where, section->where[0] ? "." : "", row->key);
    buf_printf(out, "  %-28s %s\n  %-28s   %s", key, row->doc, "", kind_of(row));
    if (row->allowed)
        buf_printf(out, " %s", row->allowed);
    if (row->fallback && row->fallback[0])
        buf_printf(out, ", default %s", row->fallback);
    else if (row->fallback)
        buf_append_str(out, ", required");
    buf_append_char(out, '\n');
}

static const char *unit_of(const struct metric *m)
{
    const char *name = metric_unit_name(m->unit);
    if (name[0])
        return name;
    return m->unit == METRIC_RATE ? "a second" : "";
}

void scenario_describe(struct buf *out)
{
    static const struct section *const sections[] = {
        &scenario_settings_top,     &scenario_settings_phase, &scenario_settings_attackers,
        &scenario_settings_load,    &scenario_settings_users, &scenario_settings_fault,
        &scenario_settings_testbed,
    };
    buf_append_str(out, "A scenario is a YAML file. Its keys:\n\n");
    for (size_t i = 0; i < ARRAY_LEN(sections); i++)
        for (size_t row = 0; row < sections[i]->count; row++)
            describe_row(out, sections[i], &sections[i]->rows[row]);
    buf_append_str(
        out, "\nA criterion is a sentence: METRIC [of CLASS|GROUP] [in PHASE] at most|at least "
             "LIMIT, such as\n\n    response_p99 of read in hold at most 250ms\n\n"
             "The classes are read, login, submit and upload, for metrics with a *; the "
             "groups, with a +,\nare healthy and broken: actions in provinces that a fault "
             "names, or that need the broken\nsystem, are broken. "
             "Without a phase the\njudged ones count together. Limits on users and "
             "rates are scaled with the users. Metrics:\n\n");
    for (size_t i = 0; i < METRIC_COUNT; i++)
        buf_printf(out, "  %-27s%s%s %-8s %s\n", metric_table[i].name,
                   metric_table[i].has_classes ? "*" : " ", metric_table[i].has_groups ? "+" : " ",
                   unit_of(&metric_table[i]), metric_table[i].doc);
}
