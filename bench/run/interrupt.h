/* Ctrl-C and its kin, taken as events: whoever waits, waits here, and learns at once that the run
 * shall end. The signals stay blocked; program_start() unblocks them for what it starts. */
#ifndef RUN_INTERRUPT_H
#define RUN_INTERRUPT_H

#include "common/err.h"

struct interrupt {
    int fd;      /* owned; signalfd */
    bool raised; /* stays */
};

int interrupt_open(struct interrupt *i, struct err *e) MUST_CHECK;
void interrupt_close(struct interrupt *i);
/* Waits for so long, or less when it is raised; returns i->raised. */
bool interrupt_wait(struct interrupt *i, uint64_t ms);

#endif
