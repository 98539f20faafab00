#include "bench/report/headline.h"
#include "bench/report/html.h"
#include "bench/verdict/verdict.h"
#include "common/clock.h"

#include <math.h>
#include <stdio.h>

static void put_tiles(struct buf *out, const struct result *r)
{
    buf_printf(out, "<div class=\"tiles\"><div><b>%s</b><span>users planned</span></div>",
               figure_count(headline_users(r)).text);
    for (size_t i = 0; i < HEADLINE_COUNT; i++)
        buf_printf(out, "<div><b>%s</b><span>%s</span></div>",
                   headline_figure(&headline_table[i], r).text, headline_table[i].label);
    buf_append_str(out, "</div>\n");
}

void html_banner(struct buf *out, const struct result *r)
{
    char started[CLOCK_ISO_LEN + 1];
    clock_format_iso(started, r->started_unix_s * 1000);
    const char *verdict = verdict_name(r->verdict);
    buf_printf(out, "<header class=\"%s\"><h1><span class=\"verdict\">%s</span>", verdict, verdict);
    html_text(out, r->scenario->name);
    buf_append_str(out, "</h1>\n");
    if (r->reason) {
        buf_append_str(out, "<p class=\"reason\">");
        html_text(out, r->reason);
        buf_append_str(out, "</p>\n");
    }
    buf_append_str(out, "<p class=\"about\">");
    if (r->scenario->about)
        html_text(out, r->scenario->about);
    buf_printf(out, " Started %.10s %.5s UTC, %s long", started, started + 11,
               figure_elapsed(r->second_count).text);
    if (r->scenario->scale > 0 && r->scenario->scale != 1)
        buf_printf(out, ", shortened to %s of the scenario's time",
                   figure_percent(r->scenario->scale * 100).text);
    buf_append_str(out, r->interrupted ? "; <b>interrupted</b>.</p>\n" : ".</p>\n");
    put_tiles(out, r);
    buf_append_str(out, "</header>\n");
}

static void put_value(struct buf *out, const struct result_outcome *o)
{
    if (!o->measured) {
        html_number(out, "too little to tell");
        html_number(out, "–");
        return;
    }
    html_number(out, figure_in(o->value, o->unit).text);
    buf_append_str(out, "<td class=\"n soft\">");
    if (isfinite(o->low) && isfinite(o->high))
        buf_printf(out, "%s … %s", figure_in(o->low, o->unit).text,
                   figure_in(o->high, o->unit).text);
    buf_append_str(out, "</td>");
}

static void put_outcome(struct buf *out, const struct result_outcome *o)
{
    bool has_margin = o->measured && isfinite(o->margin) && o->limit != 0;
    buf_append_str(out,
                   o->ok ? "<tr><td class=\"ok\">✓ yes</td>" : "<tr><td class=\"no\">✗ no</td>");
    html_cell(out, o->text);
    buf_printf(out, "<td class=\"n\">%s %s</td>", o->at_least ? "≥" : "≤",
               figure_in(o->limit, o->unit).text);
    put_value(out, o);
    html_number(out, has_margin ? figure_percent(o->margin).text : "–");
    buf_append_str(out, "</tr>\n");
}

void html_criteria(struct buf *out, const struct result *r)
{
    if (r->outcome_count == 0)
        return;
    html_section(out, "Criteria");
    html_table(out, "Ok|Criterion|>Limit|>Got|>95% interval|>Margin");
    for (uint32_t i = 0; i < r->outcome_count; i++)
        put_outcome(out, &r->outcomes[i]);
    html_table_end(out);
    html_section_end(out);
}

void html_findings(struct buf *out, const struct result *r)
{
    static const struct {
        const char *class, *word;
    } gravities[] = {
        [FINDING_NOTE] = { "", "note" },
        [FINDING_DISTURBED] = { "odd", "disturbed" },
        [FINDING_NOT_DELIVERED] = { "no", "load not delivered" },
    };
    if (r->finding_count == 0)
        return;
    html_section(out, "Can these numbers be believed?");
    html_table(out, "Gravity|Finding");
    for (uint32_t i = 0; i < r->finding_count; i++) {
        const struct result_finding *f = &r->findings[i];
        buf_printf(out, "<tr><td class=\"%s\">%s</td>", gravities[f->gravity].class,
                   gravities[f->gravity].word);
        html_cell(out, f->text);
        buf_append_str(out, "</tr>\n");
    }
    html_table_end(out);
    html_section_end(out);
}
