#include "bench/report/figure.h"
#include "bench/report/html.h"
#include "common/clock.h"

#include <inttypes.h>
#include <string.h>

#define TEXT_MAX_BYTES 32768 /* of a configuration; the whole of it is in result.json */

static void put_pair(struct buf *out, const char *name, const char *value)
{
    buf_append_str(out, "<dt>");
    html_text(out, name);
    buf_append_str(out, "</dt><dd>");
    html_text(out, value);
    buf_append_str(out, "</dd>\n");
}

static const char *kind_of(const struct result_generator *g)
{
    if (g->is_attackers)
        return "attackers";
    return g->is_probe ? "probe" : "generator";
}

static void put_generators(struct buf *out, const struct result *r)
{
    if (r->generator_count == 0)
        return;
    buf_append_str(out, "<h3>Load processes</h3>\n");
    html_table(out, "Process|>Users|>PSS|>Per user|>CPU time");
    for (uint32_t i = 0; i < r->generator_count; i++) {
        const struct result_generator *g = &r->generators[i];
        double per_user = g->users ? (double)g->pss_bytes / g->users : 0;
        buf_printf(out, "<tr><td>%s %u</td>", kind_of(g), i);
        html_number(out, figure_count(g->users).text);
        html_number(out, figure_bytes((double)g->pss_bytes).text);
        html_number(out, figure_bytes(per_user).text);
        html_number(out, figure_us((double)g->cpu_us).text);
        buf_append_str(out, "</tr>\n");
    }
    html_table_end(out);
}

void html_environment(struct buf *out, const struct result *r)
{
    char started[CLOCK_ISO_LEN + 1];
    clock_format_iso(started, r->started_unix_s * 1000);
    html_section(out, "Environment");
    buf_append_str(out, "<dl>");
    put_pair(out, "Started", started);
    if (r->command)
        put_pair(out, "Command", r->command);
    buf_printf(out, "<dt>Seed</dt><dd>%" PRIu64 "</dd>\n", r->scenario->seed);
    put_pair(out, "Load machines", figure_count(r->machines).text);
    for (uint32_t i = 0; i < r->fact_count; i++)
        put_pair(out, r->facts[i].name, r->facts[i].value);
    buf_append_str(out, "</dl>\n");
    put_generators(out, r);
    html_section_end(out);
}

static void put_file(struct buf *out, const char *title, const char *text)
{
    if (!text || !*text)
        return;
    html_section(out, title);
    char shown[TEXT_MAX_BYTES + 1];
    size_t len = strnlen(text, TEXT_MAX_BYTES);
    memcpy(shown, text, len);
    shown[len] = '\0';
    buf_append_str(out, "<pre>");
    html_text(out, shown);
    buf_append_str(out, "</pre>\n");
    if (text[len])
        buf_append_str(out, "<p class=\"note\">Cut here; result.json holds all of it.</p>\n");
    html_section_end(out);
}

void html_configuration(struct buf *out, const struct result *r)
{
    put_file(out, "Scenario", r->scenario_text);
    put_file(out, "Configuration of the gateway", r->gateway_config);
}
