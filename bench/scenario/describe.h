/* All that a scenario file may say, for people who write one: keys with their defaults, the form of
 * a criterion, and every metric. */
#ifndef BENCH_SCENARIO_DESCRIBE_H
#define BENCH_SCENARIO_DESCRIBE_H

#include "common/buf.h"

void scenario_describe(struct buf *out);

#endif
