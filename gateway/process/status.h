/* What `cong status` shows: the gateway, its processes, listeners and peers. */
#ifndef PROCESS_STATUS_H
#define PROCESS_STATUS_H

#include "common/buf.h"
#include "process/supervisor.h"

void status_write_table(const struct supervisor *s, uint64_t now_ms, struct buf *out);
/* One object; counts are numbers, ages milliseconds. */
void status_write_json(const struct supervisor *s, uint64_t now_ms, struct buf *out);

#endif
