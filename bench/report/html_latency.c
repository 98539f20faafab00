#include "bench/measure/result_sums.h"
#include "bench/report/chart.h"
#include "bench/report/html.h"
#include "common/mem.h"

#include <math.h>
#include <stdio.h>

#define CURVE_POINTS_MAX 400
#define CURVE_STEP 0.02 /* of a power of ten beyond the quantile */

static struct figure label_quantile(double nines)
{
    struct figure f;
    double percent = 100 - pow(10, 2 - nines);
    snprintf(f.text, sizeof(f.text), "%.*f%%", nines < 2.5 ? 0 : (int)lround(nines) - 2, percent);
    return f;
}

/* Quantiles with 100 samples or more beyond them; the axis counts nines. */
static size_t curve_of(const struct hdr *h, struct chart_point *out)
{
    size_t count = 0;
    for (; count < CURVE_POINTS_MAX; count++) {
        double nines = (double)count * CURVE_STEP;
        double q = 1 - pow(10, -nines);
        if (!hdr_can_tell(h, q))
            break;
        out[count] = (struct chart_point){ nines, (double)MAX(hdr_quantile(h, q), 1UL) };
    }
    return count;
}

static struct scale scale_nines(double high)
{
    struct scale s = { .low = 0, .high = MAX(high, 1.0) };
    s.ticks[s.tick_count++] = log10(2);
    for (int nines = 1; nines <= s.high && s.tick_count < SCALE_TICKS_MAX; nines++)
        s.ticks[s.tick_count++] = nines;
    return s;
}

static void put_curve(struct buf *out, const struct result_clocks *clocks)
{
    struct chart_point response[CURVE_POINTS_MAX];
    struct chart_point service[CURVE_POINTS_MAX];
    size_t count = curve_of(&clocks->response, response);
    size_t service_count = curve_of(&clocks->service, service);
    if (count == 0 || service_count == 0)
        return;
    buf_append_str(out,
                   "<p class=\"caption\">Reads, by quantile <span class=\"key line a\">response: "
                   "from the planned instant</span> <span class=\"key line b dashed\">service: "
                   "from the actual send</span></p>\n");
    struct chart c = { .x = scale_nines(response[count - 1].x),
                       .y = scale_log(MIN(response[0].y, service[0].y),
                                      MAX(response[count - 1].y, service[service_count - 1].y)) };
    chart_open(&c, out, "tall", "Response and service time by quantile");
    chart_line(&c, "line b dashed", service, service_count);
    chart_line(&c, "line a", response, count);
    chart_close(&c, figure_us, label_quantile);
}

static void put_quantile(struct buf *out, const struct hdr *h, double q)
{
    html_number(out, hdr_can_tell(h, q) ? figure_us((double)hdr_quantile(h, q)).text : "–");
}

static void put_hdr(struct buf *out, const char *what, const char *clock, const struct hdr *h)
{
    if (h->count == 0)
        return;
    buf_append_str(out, "<tr>");
    html_cell(out, what);
    html_cell(out, clock);
    html_number(out, figure_count((double)h->count).text);
    html_number(out, figure_us(hdr_mean(h)).text);
    static const double quantiles[] = { 0.5, 0.9, 0.99, 0.999 };
    for (size_t i = 0; i < ARRAY_LEN(quantiles); i++)
        put_quantile(out, h, quantiles[i]);
    html_number(out, figure_us((double)h->max_us).text);
    buf_append_str(out, "</tr>\n");
}

static void put_gap(struct buf *out, const struct result_clocks *clocks)
{
    if (!hdr_can_tell(&clocks->response, 0.99) || !hdr_can_tell(&clocks->service, 0.99))
        return;
    double median =
        (double)hdr_quantile(&clocks->response, 0.5) - (double)hdr_quantile(&clocks->service, 0.5);
    double tail = (double)hdr_quantile(&clocks->response, 0.99) -
                  (double)hdr_quantile(&clocks->service, 0.99);
    buf_printf(
        out,
        "<p class=\"note\">Between the two clocks of reads lie %s at p50 and %s at p99: what "
        "waiting for the generator or the connection hid from the service clock. A quantile "
        "is given only when 100 samples or more lie beyond it.</p>\n",
        figure_us(median).text, figure_us(tail).text);
}

static void put_table(struct buf *out, const struct result *r, const struct results_phase *sum,
                      const struct result_clocks *reads)
{
    html_table(out, "Judged phases|Clock|>Count|>Mean|>p50|>p90|>p99|>p99.9|>Max");
    for (int i = 0; i < CLASS_COUNT; i++) {
        const char *name = scenario_class_name((enum scenario_class)i);
        put_hdr(out, name, "response", &sum->response[i]);
        put_hdr(out, name, "service", &sum->service[i]);
    }
    put_hdr(out, "slow links, all", "response", &sum->slow_response);
    put_hdr(out, "handshake", "response", &sum->handshake);
    put_hdr(out, "lag of sends", "–", &sum->lag);
    struct hdr *probe = mem_new(sizeof(*probe));
    hdr_init(probe);
    for (uint32_t i = 0; i < r->scenario->phase_count; i++)
        if (r->scenario->phases[i].judged)
            hdr_merge(probe, &r->probe_phases[i].response[CLASS_READ]);
    put_hdr(out, "probe, fixed schedule", "response", probe);
    mem_free(probe);
    html_table_end(out);
    put_gap(out, reads);
}

static void put_phase(struct buf *out, const struct scenario_phase *phase,
                      const struct results_phase *p)
{
    buf_append_str(out, "<tr><td>");
    html_text(out, phase->name);
    buf_append_str(out, phase->judged ? " <small>judged</small></td>" : "</td>");
    html_number(out, figure_elapsed(phase->duration_ms / 1000).text);
    html_number(out, figure_count(phase->users_to).text);
    html_number(out, figure_count((double)p->planned).text);
    html_number(out, figure_count((double)p->issued).text);
    html_number(out, figure_count((double)p->done).text);
    html_number(out, figure_count((double)p->sent_late).text);
    html_number(out, figure_count((double)results_phase_errors(p)).text);
    put_quantile(out, &p->response[CLASS_READ], 0.5);
    put_quantile(out, &p->response[CLASS_READ], 0.99);
    html_number(out, figure_count((double)(p->handshakes_full + p->handshakes_resumed)).text);
    put_quantile(out, &p->handshake, 0.99);
    buf_append_str(out, "</tr>\n");
}

static void put_phases(struct buf *out, const struct result *r)
{
    html_table(out, "Phase|>Lasts|>Users|>Planned|>Issued|>Done|>Late|>Errors|>Reads p50|>p99|"
                    ">Handshakes|>p99");
    for (uint32_t i = 0; i < r->scenario->phase_count; i++)
        put_phase(out, &r->scenario->phases[i], &r->phases[i]);
    html_table_end(out);
}

void html_latency(struct buf *out, const struct result *r)
{
    struct results_phase *sum = mem_new(sizeof(*sum));
    struct result_clocks *reads = mem_new(sizeof(*reads));
    result_phase_sum(r, -1, sum);
    result_clocks(r, -1, CLASS_READ, reads);
    html_section(out, "Latency");
    put_curve(out, reads);
    if (sum->planned)
        put_table(out, r, sum, reads);
    else
        buf_append_str(out, "<p class=\"note\">No judged phase was reached.</p>\n");
    put_phases(out, r);
    html_section_end(out);
    mem_free(reads);
    mem_free(sum);
}
