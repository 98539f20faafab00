#include "bench/report/html.h"

#include <string.h>

void html_text(struct buf *out, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            buf_append_str(out, "&amp;");
            break;
        case '<':
            buf_append_str(out, "&lt;");
            break;
        case '>':
            buf_append_str(out, "&gt;");
            break;
        case '"':
            buf_append_str(out, "&quot;");
            break;
        default:
            buf_append_char(out, *text);
        }
    }
}

void html_section(struct buf *out, const char *title)
{
    buf_printf(out, "<section><h2>%s</h2>\n", title);
}

void html_section_end(struct buf *out)
{
    buf_append_str(out, "</section>\n");
}

void html_table(struct buf *out, const char *heads)
{
    buf_append_str(out, "<div class=\"scroll\"><table><thead><tr>");
    while (*heads) {
        size_t len = strcspn(heads, "|");
        bool is_number = *heads == '>';
        buf_printf(out, "<th%s>%.*s</th>", is_number ? " class=\"n\"" : "", (int)(len - is_number),
                   heads + is_number);
        heads += len + (heads[len] == '|');
    }
    buf_append_str(out, "</tr></thead><tbody>\n");
}

void html_table_end(struct buf *out)
{
    buf_append_str(out, "</tbody></table></div>\n");
}

void html_cell(struct buf *out, const char *text)
{
    buf_append_str(out, "<td>");
    html_text(out, text);
    buf_append_str(out, "</td>");
}

void html_number(struct buf *out, const char *text)
{
    buf_append_str(out, "<td class=\"n\">");
    html_text(out, text);
    buf_append_str(out, "</td>");
}

static void html_head(struct buf *out, const struct result *r)
{
    buf_append_str(out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
                        "<meta name=\"color-scheme\" content=\"light dark\"><title>");
    html_text(out, r->scenario->name);
    buf_append_str(out, " – Cổng load test</title><style>\n");
    buf_append_str(out, html_style);
    buf_append_str(out, "</style></head><body><main>\n");
}

void html_write(const struct result *r, struct buf *out)
{
    static void (*const sections[])(struct buf *, const struct result *) = {
        html_banner,  html_criteria,   html_findings,    html_timeline,
        html_latency, html_memory,     html_errors,      html_attackers,
        html_groups,  html_nodes,      html_steps,       html_ledger,
        html_trials,  html_procedures, html_environment, html_configuration,
    };
    html_head(out, r);
    for (size_t i = 0; i < ARRAY_LEN(sections); i++)
        sections[i](out, r);
    buf_append_str(out, "</main></body></html>\n");
}
