/* Keeps requests from peers whose answers fail, by what their own answers say (passive health).
 *
 *   serving --- N failures in a row, or too many of the last requests ---> ejected
 *      ^                                                                      |
 *      `-- slow start <-- 1, 2 or 3 trials in a row went well <-- trials <-- wait
 *                                                                  `- failed --^
 *
 * A failure is a connection that could not be made, one that ended without a whole answer, an
 * answer that came too late, or a 502, 503 or 504. What this process is to blame for is none: its
 * own lateness, its own lack of descriptors. An ejected peer gets one request after a while, a
 * trial; the wait is time, then twice and three times that up to max_time, give or take a fifth.
 * As many trials in a row have to go well as it has been ejected or has failed trials of late,
 * three at most, TRIAL_GAP_MS apart. So what is dead or hangs costs one request in a while, what
 * flaps is kept out for longer than it is well, and what has recovered is found out soon.
 *
 * At most max_share of the peers are ejected, and the last only where there are backups. The state
 * is on the board (observe/peer_state.h): the workers count and eject together. */
#ifndef UPSTREAM_EJECTION_H
#define UPSTREAM_EJECTION_H

#include "upstream/balancer.h"

/* A request that began at `began_us` had its whole answer, or failed. `avoid_ms`: so long the peer
 * wants to be left alone (Retry-After), or 0. */
void ejection_note_success(struct balancer *b, struct peer *p, uint64_t began_us);
void ejection_note_failure(struct balancer *b, struct peer *p, uint64_t began_us,
                           uint64_t avoid_ms);

/* Whether this process is so late that it cannot tell whether others are. */
bool ejection_is_late(const struct peer *p);

static inline bool ejection_is_failure(uint32_t status)
{
    return status == 502 || status == 503 || status == 504;
}

/* True for the one who may send a request to an ejected peer now. A request that must not fail is
 * sent only where none that may has come for a while. */
bool ejection_takes_trial(const struct balancer *b, struct peer *p, bool may_fail);

#endif
