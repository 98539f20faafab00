#include "bench/report/summary.h"

#include "bench/report/headline.h"
#include "bench/verdict/verdict.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SUMMARY_MAX_BYTES (1U << 20)
#define COLUMN_MAX 64 /* a longer criterion pushes its own row out of line */

static const char *colour(bool has_colours, const char *code)
{
    return has_colours ? code : "";
}

/* Letters, not bytes: UTF-8 continuation bytes take no room. */
static int width_of(const char *text)
{
    int width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void put_spaces(struct buf *out, int count)
{
    for (int i = 0; i < count; i++)
        buf_append_char(out, ' ');
}

static void put_left(struct buf *out, const char *text, int width)
{
    buf_append_str(out, text);
    put_spaces(out, width - width_of(text));
}

static void put_right(struct buf *out, const char *text, int width)
{
    put_spaces(out, width - width_of(text));
    buf_append_str(out, text);
}

static void put_outcome(struct buf *out, const struct result_outcome *o, int width,
                        bool has_colours)
{
    struct figure limit = figure_in(o->limit, o->unit);
    struct figure got = o->measured ? figure_in(o->value, o->unit) : (struct figure){ "unknown" };
    bool has_margin = o->measured && isfinite(o->margin) && o->limit != 0;
    put_left(out, o->text, width);
    put_spaces(out, 2);
    buf_append_str(out, o->at_least ? "≥" : "≤");
    put_right(out, limit.text, 11);
    put_right(out, got.text, 12);
    put_right(out, has_margin ? figure_percent(o->margin).text : "–", 9);
    buf_printf(out, "  %s%s%s\n", colour(has_colours, o->ok ? "\033[32m" : "\033[31m"),
               o->ok ? "yes" : "NO", colour(has_colours, "\033[0m"));
}

static void put_outcomes(struct buf *out, const struct result *r, bool has_colours)
{
    int width = width_of("criterion");
    for (uint32_t i = 0; i < r->outcome_count; i++)
        width = MAX(width, width_of(r->outcomes[i].text));
    width = MIN(width, COLUMN_MAX);
    put_left(out, "criterion", width);
    buf_append_str(out, "         limit         got   margin  ok\n");
    for (uint32_t i = 0; i < r->outcome_count; i++)
        put_outcome(out, &r->outcomes[i], width, has_colours);
    buf_append_char(out, '\n');
}

static void put_findings(struct buf *out, const struct result *r)
{
    static const char *const words[] = {
        [FINDING_NOTE] = "note",
        [FINDING_DISTURBED] = "disturbed",
        [FINDING_NOT_DELIVERED] = "load not delivered",
    };
    for (uint32_t i = 0; i < r->finding_count; i++)
        buf_printf(out, "%s: %s\n", words[r->findings[i].gravity], r->findings[i].text);
    if (r->finding_count)
        buf_append_char(out, '\n');
}

/* Without the spaces and commas that would break words apart: "2.1 ms" becomes "2.1ms". */
static void put_word(struct buf *out, const char *text)
{
    for (; *text; text++)
        if (*text != ' ' && *text != ',')
            buf_append_char(out, *text);
}

void summary_line(const struct result *r, struct buf *out)
{
    buf_printf(out, "%s %s users=%u", verdict_name(r->verdict), r->scenario->name,
               headline_users(r));
    for (size_t i = 0; i < HEADLINE_COUNT; i++) {
        buf_printf(out, " %s=", headline_table[i].key);
        struct figure f = headline_figure(&headline_table[i], r);
        put_word(out, strcmp(f.text, "–") == 0 ? "unknown" : f.text);
    }
    if (r->interrupted)
        buf_append_str(out, " interrupted");
    buf_append_char(out, '\n');
}

void summary_write(const struct result *r, bool has_colours, struct buf *out)
{
    static const char *const tones[] = { "\033[1;32m", "\033[1;31m", "\033[1;33m" };
    if (r->outcome_count)
        put_outcomes(out, r, has_colours);
    put_findings(out, r);
    if (r->reason)
        buf_printf(out, "%s\n", r->reason);
    buf_append_str(out, colour(has_colours, tones[r->verdict]));
    struct buf line;
    buf_init(&line, SUMMARY_MAX_BYTES);
    summary_line(r, &line);
    buf_append(out, line.data, line.len - 1);
    buf_fini(&line);
    buf_printf(out, "%s\n", colour(has_colours, "\033[0m"));
}

void summary_print(const struct result *r, const char *folder, FILE *out)
{
    const char *no_color = getenv("NO_COLOR");
    bool has_colours = isatty(fileno(out)) && !(no_color && *no_color);
    struct buf text;
    buf_init(&text, SUMMARY_MAX_BYTES);
    if (folder)
        buf_printf(&text, "report: %s/report.html\n\n", folder);
    summary_write(r, has_colours, &text);
    fwrite(text.data, 1, text.len, out);
    fflush(out);
    buf_fini(&text);
}
