/* The error log: one line per event for the operators, "time level process[pid] text". Not the
 * access log.
 *
 * The log is the one piece of process-wide state: it must work before any object exists and while
 * everything else fails. Lines go out with one write() each, to a descriptor opened O_APPEND. */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include "common/base.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Name of this process in each line ("supervisor", "worker 3"); copied. */
void log_set_process(const char *name);
void log_set_level(enum log_level level);
/* Takes over `fd` (standard error until then) and closes the one that it replaces. */
void log_set_fd(int fd);

void log_write(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
