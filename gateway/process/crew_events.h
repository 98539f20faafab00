/* What happens to the crew: children speak, die, and are due for something. Driven by the
 * supervisor's poll(2) loop; nothing here waits. */
#ifndef PROCESS_CREW_EVENTS_H
#define PROCESS_CREW_EVENTS_H

#include "process/crew.h"

#include <poll.h>

/* For poll(2): fills at most CHILD_SLOTS places and returns how many. */
size_t crew_events_watch(const struct crew *crew, struct pollfd *out);
/* Reads what children said on the same places after poll(2). */
void crew_events_run(struct crew *crew, const struct pollfd *polled, size_t count);
/* Buries the dead (SIGCHLD) and replaces them. */
void crew_events_reap(struct crew *crew, uint64_t now_ms);
/* Starts, drains and kills whoever is due. */
void crew_events_tick(struct crew *crew, uint64_t now_ms);
/* When crew_events_tick() has something to do; UINT64_MAX: never. */
uint64_t crew_events_due_ms(const struct crew *crew);

#endif
