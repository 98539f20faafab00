/* What `cong status` says of upstreams, peers and national systems: how much is going on, in which
 * state they are, and why. */
#ifndef PROCESS_UPSTREAM_REPORT_H
#define PROCESS_UPSTREAM_REPORT_H

#include "common/buf.h"
#include "common/json.h"
#include "config/config.h"
#include "observe/board.h"

void upstream_report_table(struct board *b, const struct config *config, struct buf *out);
/* Members "upstreams" and "systems" of the object that is open. */
void upstream_report_json(struct board *b, const struct config *config, struct json *j);

#endif
