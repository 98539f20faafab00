/* What a person does next on the portal: portal.md's journeys, one table of stages for each kind of
 * user, walked again and again. With the shares below, 100 actions of the whole crowd hold about 3
 * logins, 1 upload and 4 submissions and decisions. */
#ifndef LOAD_JOURNEY_H
#define LOAD_JOURNEY_H

#include "bench/scenario/scenario.h"
#include "common/random.h"

/* Zero-initialised: about to begin. */
struct journey {
    uint8_t stage;     /* the next one to enter */
    uint8_t left;      /* repetitions of the stage before it */
    bool submits_next; /* a scenario's submit_percent asked for an upload, and this follows it */
};

enum scenario_step journey_next(struct journey *j, enum scenario_user kind,
                                const struct scenario_load *load, struct random *r);
/* The last step was a login and has failed: whoever cannot go on without it stays where they are.
 */
void journey_refuse_login(struct journey *j, const struct scenario_load *load);

#endif
