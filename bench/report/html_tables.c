#include "bench/measure/result_sums.h"
#include "bench/report/figure.h"
#include "bench/report/html.h"
#include "bench/verdict/verdict.h"
#include "common/mem.h"

static void put_memory(struct buf *out, const char *what, uint64_t before, uint64_t growth,
                       uint32_t users)
{
    buf_append_str(out, "<tr>");
    html_cell(out, what);
    html_number(out, figure_bytes((double)before).text);
    html_number(out, figure_bytes((double)(before + growth)).text);
    html_number(out, users ? figure_bytes((double)growth / users).text : "–");
    buf_append_str(out, "</tr>\n");
}

static uint64_t growth_of(uint64_t now, uint64_t before)
{
    return now > before ? now - before : 0;
}

void html_memory(struct buf *out, const struct result *r)
{
    struct result_memory m = result_memory(r, -1);
    uint64_t gateway = growth_of(m.gateway, r->before.gateway_pss);
    uint64_t generators = growth_of(m.generators, r->before.generators_pss);
    if (m.gateway + m.generators + m.kernel + m.tcp == 0)
        return;
    html_section(out, "Memory per user");
    html_table(out, "Judged phases|>Before the first user|>At most|>Growth per user");
    put_memory(out, "Gateway (PSS of its processes)", r->before.gateway_pss, gateway, m.users);
    put_memory(out, "Load generators (PSS)", r->before.generators_pss, generators, m.users);
    put_memory(out, "Kernel slab, both ends", r->before.kernel_slab, m.kernel, m.users);
    put_memory(out, "TCP queues", r->before.tcp_memory, m.tcp, m.users);
    html_table_end(out);
    buf_printf(out, "<p class=\"note\">Divided by %s connected users, the most there were.</p>\n",
               figure_count(m.users).text);
    html_section_end(out);
}

static uint64_t error_total(const struct result *r, int error)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < r->scenario->phase_count; i++)
        total += r->phases[i].errors[error] + r->probe_phases[i].errors[error];
    return total;
}

static void put_error_row(struct buf *out, const struct result *r, int error, uint64_t total)
{
    buf_append_str(out, "<tr>");
    html_cell(out, results_error_text((enum results_error)error));
    for (uint32_t i = 0; i < r->scenario->phase_count; i++) {
        uint64_t count = r->phases[i].errors[error] + r->probe_phases[i].errors[error];
        html_number(out, figure_count((double)count).text);
    }
    html_number(out, figure_count((double)total).text);
    buf_append_str(out, "</tr>\n");
}

void html_errors(struct buf *out, const struct result *r)
{
    html_section(out, "Errors by cause");
    uint64_t all = 0;
    for (int error = 0; error < RESULTS_ERROR_COUNT; error++)
        all += error_total(r, error);
    if (all == 0) {
        buf_append_str(out, "<p>None.</p>\n");
        html_section_end(out);
        return;
    }
    buf_append_str(out, "<div class=\"scroll\"><table><thead><tr><th>Cause</th>");
    for (uint32_t i = 0; i < r->scenario->phase_count; i++) {
        buf_append_str(out, "<th class=\"n\">");
        html_text(out, r->scenario->phases[i].name);
        buf_append_str(out, "</th>");
    }
    buf_append_str(out, "<th class=\"n\">In all</th></tr></thead><tbody>\n");
    for (int error = 0; error < RESULTS_ERROR_COUNT; error++) {
        uint64_t total = error_total(r, error);
        if (total)
            put_error_row(out, r, error, total);
    }
    html_table_end(out);
    html_section_end(out);
}

void html_steps(struct buf *out, const struct result *r)
{
    html_section(out, "Kinds of request");
    html_table(out, "Step|Class|>Planned, whole run|>Failed");
    for (int step = 0; step < STEP_COUNT; step++) {
        uint64_t done = 0;
        uint64_t errors = 0;
        for (uint32_t i = 0; i < r->scenario->phase_count; i++) {
            done += r->phases[i].steps[step] + r->probe_phases[i].steps[step];
            errors += r->phases[i].step_errors[step] + r->probe_phases[i].step_errors[step];
        }
        if (done + errors == 0)
            continue;
        buf_append_str(out, "<tr>");
        html_cell(out, scenario_step_name((enum scenario_step)step));
        html_cell(out, scenario_class_name(scenario_step_class((enum scenario_step)step)));
        html_number(out, figure_count((double)done).text);
        html_number(out, figure_count((double)errors).text);
        buf_append_str(out, "</tr>\n");
    }
    html_table_end(out);
    html_section_end(out);
}

static void put_ledger(struct buf *out, const char *what, uint64_t count, bool is_fatal)
{
    buf_append_str(out, "<tr>");
    html_cell(out, what);
    buf_append_str(out, is_fatal && count ? "<td class=\"n no\">" : "<td class=\"n\">");
    buf_printf(out, "%s</td></tr>\n", figure_count((double)count).text);
}

void html_ledger(struct buf *out, const struct result *r)
{
    const struct result_ledger *l = &r->ledger;
    if (!l->kept)
        return;
    html_section(out, "Submissions, by both journals");
    html_table(out, "Submissions|>Count");
    put_ledger(out, "sent by users", l->sent, false);
    put_ledger(out, "acknowledged to users", l->acknowledged, false);
    put_ledger(out, "stored by nodes", l->stored, false);
    put_ledger(out, "stored, though the user never heard of it", l->unacknowledged, false);
    put_ledger(out, "in doubt, and the user was told so", l->doubted, false);
    put_ledger(out, "in doubt, and the user was told nothing", l->untold, false);
    put_ledger(out, "lost: acknowledged but not stored", l->lost, true);
    put_ledger(out, "doubled: stored more than once", l->doubled, true);
    put_ledger(out, "stored with other content than was sent", l->wrong_content, true);
    put_ledger(out, "sent to nodes more than once", l->resent, false);
    html_table_end(out);
    html_section_end(out);
}

void html_trials(struct buf *out, const struct result *r)
{
    if (r->trial_count == 0)
        return;
    html_section(out, "Search for the capacity");
    html_table(out, ">Users|>Requests/s|>Response p99|Verdict");
    for (uint32_t i = 0; i < r->trial_count; i++) {
        const struct result_trial *t = &r->trials[i];
        buf_append_str(out, "<tr>");
        html_number(out, figure_count(t->users).text);
        html_number(out, figure_count(t->done_per_s).text);
        html_number(out, figure_us((double)t->response_p99_us).text);
        html_cell(out, verdict_name(t->verdict));
        buf_append_str(out, "</tr>\n");
    }
    html_table_end(out);
    html_section_end(out);
}
