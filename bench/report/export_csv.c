#include "bench/report/export.h"
#include "bench/report/result_fields.h"

#include <inttypes.h>

static void put_heads(const struct field_table *t, struct buf *out)
{
    for (size_t i = 0; i < t->count; i++)
        buf_printf(out, ",%s", t->fields[i].name);
}

static void put_cells(const struct field_table *t, const void *record, struct buf *out)
{
    for (size_t i = 0; i < t->count; i++) {
        const void *at = field_at(&t->fields[i], record);
        buf_append_char(out, ',');
        if (t->fields[i].type == FIELD_DOUBLE)
            buf_printf(out, "%.6g", *(const double *)at);
        else if (t->fields[i].type == FIELD_U64)
            buf_append_u64(out, *(const uint64_t *)at);
        else
            buf_append_u64(out, *(const uint32_t *)at);
    }
}

/* The name of the phase that second `at` begins in. */
static const char *phase_at(const struct scenario *s, uint32_t at)
{
    uint64_t end_ms = 0;
    for (uint32_t i = 0; i < s->phase_count; i++) {
        end_ms += s->phases[i].duration_ms;
        if ((uint64_t)at * 1000 < end_ms)
            return s->phases[i].name;
    }
    return "";
}

void export_csv(const struct result *r, struct buf *out)
{
    buf_append_str(out, "second,phase");
    put_heads(&fields_second, out);
    buf_append_str(out, ",response_p50_us,response_p99_merged_us");
    put_heads(&fields_machine, out);
    buf_append_char(out, '\n');
    for (uint32_t i = 0; i < r->second_count; i++) {
        const struct results_second *s = &r->seconds[i];
        buf_printf(out, "%" PRIu32 ",%s", i, phase_at(r->scenario, i));
        put_cells(&fields_second, s, out);
        buf_printf(out, ",%.0f,%.0f", band_quantile(s->response, 0.5),
                   band_quantile(s->response, 0.99));
        put_cells(&fields_machine, &r->machine[i], out);
        buf_append_char(out, '\n');
    }
}
