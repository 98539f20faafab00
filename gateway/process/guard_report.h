/* What `cong status` says of the pressure that the gateway is under (process/guard.h). */
#ifndef PROCESS_GUARD_REPORT_H
#define PROCESS_GUARD_REPORT_H

#include "common/buf.h"
#include "common/json.h"
#include "observe/board.h"

void guard_report_table(const struct board *b, struct buf *out);
/* Members of "pressure". */
void guard_report_json(const struct board *b, struct json *j);

#endif
