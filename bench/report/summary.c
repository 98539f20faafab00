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

static void put_count(struct buf *out, uint64_t count, int width)
{
    put_right(out, count ? figure_count((double)count).text : "–", width);
}

static void put_attack(struct buf *out, const char *phase, enum attack_kind kind,
                       const struct results_attack *a)
{
    if (!results_attack_any(a))
        return;
    put_left(out, attack_kind_name(kind), 12);
    put_left(out, phase, 13);
    put_count(out, a->begun, 9);
    for (int i = 0; i < ATTACK_OUTCOME_COUNT; i++)
        put_count(out, a->outcomes[i], width_of(attack_outcome_name((enum attack_outcome)i)) + 2);
    put_right(out, a->held_max_us ? figure_us((double)a->held_max_us).text : "–", 14);
    put_count(out, a->resets, 13);
    buf_append_char(out, '\n');
}

/* What became of their connections, apart from all that users met. */
static void put_attackers(struct buf *out, const struct result *r)
{
    struct results_attacks all = { 0 };
    for (uint32_t i = 0; i < r->scenario->phase_count; i++)
        results_attacks_add(&all, &r->attacks[i]);
    if (!results_attacks_any(&all))
        return;
    put_left(out, "attackers", 25);
    put_right(out, "begun", 9);
    for (int i = 0; i < ATTACK_OUTCOME_COUNT; i++)
        buf_printf(out, "  %s", attack_outcome_name((enum attack_outcome)i));
    put_right(out, "longest stay", 14);
    put_right(out, "resets", 13);
    buf_append_char(out, '\n');
    for (uint32_t i = 0; i < r->scenario->phase_count; i++)
        for (int kind = 0; kind < ATTACK_KIND_COUNT; kind++)
            put_attack(out, r->scenario->phases[i].name, (enum attack_kind)kind,
                       &r->attacks[i].kinds[kind]);
    buf_append_char(out, '\n');
}

static void put_group(struct buf *out, const char *phase, enum scenario_group group,
                      const struct results_group *g)
{
    static const double quantiles[] = { 0.5, 0.99, 0.999 };
    put_left(out, scenario_group_name(group), 12);
    put_left(out, phase, 13);
    put_count(out, g->planned, 9);
    put_count(out, g->errors, 9);
    for (size_t i = 0; i < ARRAY_LEN(quantiles); i++) {
        bool is_known = hdr_can_tell(&g->wait, quantiles[i]);
        put_right(
            out, is_known ? figure_us((double)hdr_quantile(&g->wait, quantiles[i])).text : "–", 12);
    }
    buf_append_char(out, '\n');
}

/* Whom the scenario's faults concern, and whom they should not. */
static void put_groups(struct buf *out, const struct result *r)
{
    if (r->scenario->testbed.provinces == 0)
        return;
    put_left(out, "group", 25);
    buf_append_str(out, "  actions   errors    wait p50         p99       p99.9\n");
    for (int group = GROUP_ANY + 1; group < GROUP_COUNT; group++)
        for (uint32_t i = 0; i < r->scenario->phase_count; i++)
            put_group(out, r->scenario->phases[i].name, (enum scenario_group)group,
                      &r->phases[i].groups[group]);
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
    put_attackers(out, r);
    put_groups(out, r);
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
