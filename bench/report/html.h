/* The report as one HTML file: no script, no network, everything inline, light or dark as the
 * reader's system has it, and fit for paper. Under 1 MB however long the run was. */
#ifndef BENCH_REPORT_HTML_H
#define BENCH_REPORT_HTML_H

#include "bench/measure/result.h"
#include "common/buf.h"

#define HTML_MAX_BYTES 1000000

void html_write(const struct result *r, struct buf *out);

/* For the sections, each in a file of its own. */
extern const char html_style[];
void html_text(struct buf *out, const char *text); /* escaped */
void html_section(struct buf *out, const char *title);
void html_section_end(struct buf *out);
/* Opens a table that scrolls by itself on a narrow screen; `heads` separated by "|", those that
 * begin with ">" over numbers. */
void html_table(struct buf *out, const char *heads);
void html_table_end(struct buf *out);
void html_cell(struct buf *out, const char *text);   /* a cell of words, escaped */
void html_number(struct buf *out, const char *text); /* a cell flush right, escaped */

/* They write nothing when there is nothing to tell. */
void html_banner(struct buf *out, const struct result *r);
void html_criteria(struct buf *out, const struct result *r);
void html_findings(struct buf *out, const struct result *r);
void html_timeline(struct buf *out, const struct result *r);
void html_latency(struct buf *out, const struct result *r);
void html_memory(struct buf *out, const struct result *r);
void html_attackers(struct buf *out, const struct result *r);
void html_groups(struct buf *out, const struct result *r);
void html_nodes(struct buf *out, const struct result *r);
void html_errors(struct buf *out, const struct result *r);
void html_steps(struct buf *out, const struct result *r);
void html_ledger(struct buf *out, const struct result *r);
void html_trials(struct buf *out, const struct result *r);
void html_procedures(struct buf *out, const struct result *r);
void html_environment(struct buf *out, const struct result *r);
void html_configuration(struct buf *out, const struct result *r);

#endif
