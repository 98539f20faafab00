#include "bench/report/figure.h"
#include "bench/report/html.h"

static void put_heads(struct buf *out)
{
    buf_append_str(out, "<div class=\"scroll\"><table><thead><tr><th>Attackers</th><th>Phase</th>"
                        "<th class=\"n\">Connections begun</th>");
    for (int i = 0; i < ATTACK_OUTCOME_COUNT; i++)
        buf_printf(out, "<th class=\"n\">%s</th>", attack_outcome_phrase((enum attack_outcome)i));
    buf_append_str(out, "<th class=\"n\">Longest stay</th><th class=\"n\">Streams reset</th>"
                        "</tr></thead><tbody>\n");
}

static void put_count(struct buf *out, uint64_t count)
{
    html_number(out, count ? figure_count((double)count).text : "–");
}

static void put_row(struct buf *out, const char *phase, enum attack_kind kind,
                    const struct results_attack *a)
{
    if (!results_attack_any(a))
        return;
    buf_append_str(out, "<tr>");
    html_cell(out, attack_kind_name(kind));
    html_cell(out, phase);
    put_count(out, a->begun);
    for (int i = 0; i < ATTACK_OUTCOME_COUNT; i++)
        put_count(out, a->outcomes[i]);
    html_number(out, a->held_max_us ? figure_us((double)a->held_max_us).text : "–");
    put_count(out, a->resets);
    buf_append_str(out, "</tr>\n");
}

void html_attackers(struct buf *out, const struct result *r)
{
    struct results_attacks all = { 0 };
    for (uint32_t i = 0; i < r->scenario->phase_count; i++)
        results_attacks_add(&all, &r->attacks[i]);
    if (!results_attacks_any(&all))
        return;
    html_section(out, "What became of the attackers");
    put_heads(out);
    for (uint32_t i = 0; i < r->scenario->phase_count; i++)
        for (int kind = 0; kind < ATTACK_KIND_COUNT; kind++)
            put_row(out, r->scenario->phases[i].name, (enum attack_kind)kind,
                    &r->attacks[i].kinds[kind]);
    html_table_end(out);
    buf_append_str(out, "<p class=\"note\">Connections of attackers, counted in the phase in which "
                        "they ended; nothing here is in the figures of users.</p>\n");
    html_section_end(out);
}
