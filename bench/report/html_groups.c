#include "bench/report/figure.h"
#include "bench/report/html.h"

#include <math.h>

static void put_quantile(struct buf *out, const struct hdr *h, double q)
{
    html_number(out, hdr_can_tell(h, q) ? figure_us((double)hdr_quantile(h, q)).text : "–");
}

static void put_group(struct buf *out, const char *phase, enum scenario_group group,
                      const struct results_group *g)
{
    buf_append_str(out, "<tr>");
    html_cell(out, scenario_group_name(group));
    html_cell(out, phase);
    html_number(out, figure_count((double)g->planned).text);
    html_number(out, g->errors ? figure_count((double)g->errors).text : "–");
    put_quantile(out, &g->wait, 0.5);
    put_quantile(out, &g->wait, 0.99);
    put_quantile(out, &g->wait, 0.999);
    buf_append_str(out, "</tr>\n");
}

void html_groups(struct buf *out, const struct result *r)
{
    if (r->scenario->testbed.provinces == 0)
        return;
    html_section(out, "Who is concerned, and who should not be");
    html_table(out, "Group|Phase|>Actions|>Errors|>Wait p50|>p99|>p99.9");
    for (int group = GROUP_ANY + 1; group < GROUP_COUNT; group++)
        for (uint32_t i = 0; i < r->scenario->phase_count; i++)
            put_group(out, r->scenario->phases[i].name, (enum scenario_group)group,
                      &r->phases[i].groups[group]);
    html_table_end(out);
    buf_append_str(out,
                   "<p class=\"note\">Broken: actions in provinces that a fault names, or that "
                   "need the broken system, in all phases. The wait ends with any answer, or "
                   "when the user gives up.</p>\n");
    html_section_end(out);
}

static void put_nodes(struct buf *out, const char *phase, const struct results_nodes *n)
{
    if (n->requests == 0)
        return;
    buf_append_str(out, "<tr>");
    html_cell(out, phase);
    html_number(out, figure_count((double)n->requests).text);
    html_number(out, figure_count((double)n->repeats).text);
    html_number(out, figure_count(n->connections_max).text);
    html_number(out, isfinite(n->share_min) ? figure_percent(n->share_min).text : "–");
    buf_append_str(out, "</tr>\n");
}

void html_nodes(struct buf *out, const struct result *r)
{
    uint64_t requests = 0;
    for (uint32_t i = 0; i < r->scenario->phase_count; i++)
        requests += r->nodes[i].requests;
    if (requests == 0)
        return;
    html_section(out, "What the nodes counted");
    html_table(out, "Phase|>Requests|>That came again|>Most connections of one|"
                    ">Least share of a peer");
    for (uint32_t i = 0; i < r->scenario->phase_count; i++)
        put_nodes(out, r->scenario->phases[i].name, &r->nodes[i]);
    html_table_end(out);
    html_section_end(out);
}
