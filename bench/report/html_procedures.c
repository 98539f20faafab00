/* Of 2,000 procedures a page shows those that count: the hot ones, the others in one row, and the
 * slowest of all. */
#include "bench/report/figure.h"
#include "bench/report/html.h"
#include "common/mem.h"

#include <stdlib.h>

#define HOT_MAX 20
#define WORST_MAX 10
#define WORST_MIN_DONE 200 /* a median with 100 samples beyond it */

static void put_quantile(struct buf *out, const uint32_t response[BAND_COUNT], double q)
{
    bool can_tell = (double)band_total(response) * (1 - q) >= 100;
    html_number(out, can_tell ? figure_us(band_quantile(response, q)).text : "–");
}

static void put_row(struct buf *out, const char *name, const struct result_procedure *p)
{
    buf_append_str(out, "<tr>");
    html_cell(out, name);
    html_number(out, figure_count((double)p->done).text);
    html_number(out, figure_count((double)p->errors).text);
    put_quantile(out, p->response, 0.5);
    put_quantile(out, p->response, 0.9);
    put_quantile(out, p->response, 0.99);
    buf_append_str(out, "</tr>\n");
}

static void put_procedure(struct buf *out, const struct result_procedure *p)
{
    put_row(out, figure_count(p->number).text, p);
}

static void add(struct result_procedure *into, const struct result_procedure *from)
{
    into->done += from->done;
    into->errors += from->errors;
    band_merge(into->response, from->response);
}

static void put_hot(struct buf *out, const struct result *r)
{
    uint32_t hot =
        MIN(MIN(r->scenario->load.hot_procedures, (uint32_t)HOT_MAX), r->procedure_count);
    struct result_procedure other = { 0 };
    html_table(out, "Procedure|>Done|>Errors|>p50|>p90|>p99");
    for (uint32_t i = 0; i < hot; i++)
        put_procedure(out, &r->procedures[i]);
    for (uint32_t i = hot; i < r->procedure_count; i++)
        add(&other, &r->procedures[i]);
    put_row(out, "all others", &other);
    html_table_end(out);
}

struct ranked {
    const struct result_procedure *procedure;
    double median;
};

static int slowest_first(const void *a, const void *b)
{
    double left = ((const struct ranked *)a)->median;
    double right = ((const struct ranked *)b)->median;
    return (left < right) - (left > right);
}

static void put_worst(struct buf *out, const struct result *r)
{
    struct ranked *all = mem_new_array(r->procedure_count, sizeof(*all));
    uint32_t count = 0;
    for (uint32_t i = 0; i < r->procedure_count; i++)
        if (r->procedures[i].done >= WORST_MIN_DONE)
            all[count++] =
                (struct ranked){ &r->procedures[i], band_quantile(r->procedures[i].response, 0.5) };
    qsort(all, count, sizeof(*all), slowest_first);
    buf_printf(out, "<h3>The slowest, by p50, of %u with %d answers or more</h3>\n", count,
               WORST_MIN_DONE);
    html_table(out, "Procedure|>Done|>Errors|>p50|>p90|>p99");
    for (uint32_t i = 0; i < MIN(count, (uint32_t)WORST_MAX); i++)
        put_procedure(out, all[i].procedure);
    html_table_end(out);
    mem_free(all);
}

void html_procedures(struct buf *out, const struct result *r)
{
    uint64_t asked = 0;
    for (uint32_t i = 0; i < r->procedure_count; i++)
        asked += r->procedures[i].done + r->procedures[i].errors;
    if (asked == 0)
        return;
    html_section(out, "Procedures");
    put_hot(out, r);
    put_worst(out, r);
    html_section_end(out);
}
