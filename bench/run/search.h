/* The capacity search: the largest load under which every criterion holds.
 *
 * Numbers of users are doubled (or halved) until passing turns into failing, the gap is halved
 * until it is within 5%, and the largest that passed has to pass three times of three, each time
 * with fresh processes. A load that this machine cannot generate or judge ends the search as a
 * failing one does: what is found is then what could be shown. */
#ifndef RUN_SEARCH_H
#define RUN_SEARCH_H

#include "bench/run/coordinator.h"

/* The result of the last confirmation, or of the last trial when nothing passed, with all trials in
 * it; *scenario is what it was run with, and to be freed after it. NULL with a sentence in `e`. */
struct result *search_run(const struct coordinator_setup *setup, struct scenario **scenario,
                          struct err *e) MUST_CHECK;

#endif
