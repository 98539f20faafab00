/* Changing the configuration, the OCSP answers or the log files of a gateway that runs.
 *
 * A reload prepares everything that can fail first: the files are read and checked, logs opened,
 * new addresses bound. If any of it fails nothing has changed. Then everybody is handed the new
 * generation, and the reload is over when all have applied it. One at a time: requests that come
 * meanwhile are served together by one more. */
#ifndef PROCESS_RELOAD_H
#define PROCESS_RELOAD_H

#include "process/supervisor.h"

/* Asks for a reload; returns the event (see control_wait) that is answered when it is over. */
uint64_t reload_request(struct supervisor *s);

/* Begins what is wanted or due, and ends what is complete. */
void reload_step(struct supervisor *s, uint64_t now_ms);
/* When reload_step() has something to do though nothing happens; UINT64_MAX: never. */
uint64_t reload_due_ms(const struct supervisor *s, uint64_t now_ms);

/* Gives the generation to all processes; the start does this, too. The keeper comes first: workers
 * follow when it has looked up, or tried to, where peers are that are new and have names, so that
 * no request finds them unknown. */
void reload_hand_out(struct supervisor *s, uint64_t now_ms);

/* Opens the log files anew. On failure the old ones stay in use. */
int reload_logs(struct supervisor *s, struct err *e) MUST_CHECK;

#endif
