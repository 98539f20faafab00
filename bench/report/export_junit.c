#include "bench/report/export.h"
#include "bench/report/headline.h"
#include "bench/report/html.h"

#include <inttypes.h>

static void put_case(struct buf *out, const struct result *r, const char *name)
{
    buf_append_str(out, "  <testcase classname=\"");
    html_text(out, r->scenario->name);
    buf_append_str(out, "\" name=\"");
    html_text(out, name);
    buf_append_str(out, "\">");
}

static void put_outcome(struct buf *out, const struct result *r, const struct result_outcome *o)
{
    put_case(out, r, o->text);
    if (!o->ok)
        buf_printf(out, "<failure message=\"limit %s, got %s\"/>",
                   figure_in(o->limit, o->unit).text,
                   o->measured ? figure_in(o->value, o->unit).text : "too little to tell");
    buf_append_str(out, "</testcase>\n");
}

static void put_validity(struct buf *out, const struct result *r)
{
    put_case(out, r, "the run is valid");
    if (r->verdict == RESULT_INVALID) {
        buf_append_str(out, "<error message=\"");
        html_text(out, r->reason ? r->reason : "INVALID");
        buf_append_str(out, "\"/>");
    }
    buf_append_str(out, "</testcase>\n");
}

void export_junit(const struct result *r, struct buf *out)
{
    uint32_t failures = 0;
    for (uint32_t i = 0; i < r->outcome_count; i++)
        failures += !r->outcomes[i].ok;
    buf_append_str(out,
                   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"cong-bench ");
    html_text(out, r->scenario->name);
    buf_printf(out,
               "\" tests=\"%" PRIu32 "\" failures=\"%" PRIu32 "\" errors=\"%d\" time=\"%" PRIu32
               "\">\n",
               r->outcome_count + 1, failures, r->verdict == RESULT_INVALID, r->second_count);
    for (uint32_t i = 0; i < r->outcome_count; i++)
        put_outcome(out, r, &r->outcomes[i]);
    put_validity(out, r);
    buf_append_str(out, "</testsuite>\n");
}
