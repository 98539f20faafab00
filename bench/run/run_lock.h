/* One run a machine at a time, for two would measure each other. The lock is the kernel's and ends
 * with the process; the file stays. */
#ifndef RUN_RUN_LOCK_H
#define RUN_RUN_LOCK_H

#include "common/err.h"

#define RUN_LOCK_PATH "/tmp/cong-bench.lock"

/* Descriptor of the lock, to be closed at the end; or negative, naming who holds it. */
int run_lock_take(struct err *e) MUST_CHECK;

#endif
