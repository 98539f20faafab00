/* One action of a person in flight: its request, its answer and its timers. Pooled, for people at
 * rest own none. */
#ifndef LOAD_ACTION_H
#define LOAD_ACTION_H

#include "bench/load/agenda.h"
#include "bench/load/h1_client.h"
#include "bench/load/tally.h"
#include "common/list.h"

struct user;

struct action {
    struct list link;  /* in the pool */
    struct user *user; /* borrowed */
    struct tally_action counted;
    uint32_t retries; /* so far: attempts beyond the first */
    struct agenda_item timeout, pace;
    struct request request;
    struct answer answer;
    struct h1_client h1; /* unless the connection speaks HTTP/2 */
};

struct action_pool {
    struct list spare;
    uint32_t count;
};

void action_pool_init(struct action_pool *p);
void action_pool_fini(struct action_pool *p);

/* With its timers off and their functions as they were given last; request and answer are to be
 * made anew. */
struct action *action_take(struct action_pool *p);
/* Its timers must be off the agenda. */
void action_give(struct action_pool *p, struct action **a);

#endif
