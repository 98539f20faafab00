/* The access log of one worker: lines are gathered in memory and written off the loop.
 *
 * Buffers of 64 KiB go around between the loop and a thread of their own that does nothing but
 * write: the loop never waits for a disk. (Not libuv's pool: closing must be able to wait for the
 * last write without running the loop.) A buffer leaves when it is full or its first line has
 * waited `flush_ms`. Usually two are in use; there are sixteen, for when the writer waits for the
 * disk or for a busy processor. When all are full, lines are dropped and counted as
 * ACCESS_LOG_DROPPED; the error log says when that begins and ends.
 *
 * Several processes share the file, opened O_APPEND: each write() carries whole lines, on pipes at
 * most PIPE_BUF bytes. A write that fails is tried again until it works or the log is closed. */
#ifndef OBSERVE_ACCESS_LOG_H
#define OBSERVE_ACCESS_LOG_H

#include "observe/access_record.h"
#include "observe/metrics.h"

#include <uv.h>

struct access_log;

/* Takes over `fd`. `loop` and `metrics` are borrowed. Does not keep the loop alive. */
struct access_log *access_log_open(uv_loop_t *loop, int fd, uint32_t flush_ms,
                                   struct metrics *metrics);
/* No log (NULL) takes any record, and forgets it. */
void access_log_append(struct access_log *log, const struct access_record *record);
/* Hands over what there is, without waiting for the disk. */
void access_log_flush(struct access_log *log);
/* How long lines that come from now on may wait. */
void access_log_set_flush(struct access_log *log, uint32_t flush_ms);
/* Takes over `fd`; the writes that follow go there. */
void access_log_reopen(struct access_log *log, int fd);
/* Writes all lines and returns when they are written, or after two seconds if the disk does not
 * answer. The memory is given back by the loop, which has to run once more. NULL-safe; *log is NULL
 * after. */
void access_log_close(struct access_log **log);

#endif
