/* What gates tell of themselves: for Prometheus, and in a sentence for `cong status`. */
#ifndef UPSTREAM_GATE_REPORT_H
#define UPSTREAM_GATE_REPORT_H

#include "common/buf.h"
#include "observe/board.h"

void gate_report_prometheus(const struct board *b, struct buf *out);

#define GATE_REPORT_TEXT_BYTES 160

/* "5 of 32 in flight", or why it is in trouble: "left alone: 12 of 14 requests failed within 10 s,
 * tried again in 4 s". `index` is of SERIES_UPSTREAM. Always terminated. */
void gate_report_upstream(const struct board *b, uint32_t index, uint64_t now_ms,
                          char text[GATE_REPORT_TEXT_BYTES]);
/* The same of SERIES_SYSTEM. */
void gate_report_system(const struct board *b, uint32_t index, char text[GATE_REPORT_TEXT_BYTES]);

/* "passing", "refusing", or "trying": some are let through. `index` is of SERIES_UPSTREAM. */
const char *gate_report_breaker(const struct board *b, uint32_t index);

#endif
