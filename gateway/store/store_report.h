/* What the shared state tells of itself: for people, for machines, for Prometheus. */
#ifndef STORE_STORE_REPORT_H
#define STORE_STORE_REPORT_H

#include "common/json.h"
#include "store/store_region.h"

void store_report_table(const struct store_region *r, struct buf *out);
/* The member "store" of an object. */
void store_report_json(const struct store_region *r, struct json *j);
void store_report_prometheus(const struct store_region *r, struct buf *out);

#endif
