/* What the session ticket keys tell of themselves: for people, for machines, for Prometheus. */
#ifndef TLS_TLS_TICKETS_REPORT_H
#define TLS_TLS_TICKETS_REPORT_H

#include "common/json.h"
#include "tls/tls_tickets.h"

void tls_tickets_report_table(const struct tls_tickets *t, struct buf *out);
/* The member "tls_tickets" of an object. */
void tls_tickets_report_json(const struct tls_tickets *t, struct json *j);
void tls_tickets_report_prometheus(const struct tls_tickets *t, struct buf *out);

#endif
