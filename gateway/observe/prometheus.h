/* The whole board in Prometheus's text exposition format 0.0.4: all counters and gauges summed over
 * the processes, responses, bytes and latency of every route and upstream, and the peers.
 *
 * Reading needs no lock and disturbs nobody; numbers that belong together may be an instant
 * apart. */
#ifndef OBSERVE_PROMETHEUS_H
#define OBSERVE_PROMETHEUS_H

#include "common/buf.h"
#include "observe/board.h"

#define PROMETHEUS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Appends to `out`; check buf_ok() after. A hundred routes need about 200 KiB. */
void prometheus_write(const struct board *b, const char *version, struct buf *out);

#endif
