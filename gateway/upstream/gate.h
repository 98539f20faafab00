/* A gate as one worker sees it (see observe/gates.h): requests take a slot of each gate on their
 * way and give it back when the answer's head is there. Who finds no room waits in a short queue.
 *
 * A slot is held while the backend has the word. Uploads that trickle in and answers that a slow
 * phone takes its time for hold none, or a few hundred of them would shut a province for everybody.
 *
 * In flight is counted in shared memory, a word for each worker: two workers that enter in the same
 * instant may exceed the limit by one each, and no lock is needed. A request that needs several
 * gates takes all slots at once or none, so that nobody holds one while it waits for another.
 *
 * A slot that another worker frees is seen within GATE_LOOK_MS. Time in which this worker did not
 * look, since it was busy or the machine was, is nobody's wait: many slots may have become free
 * meanwhile. */
#ifndef UPSTREAM_GATE_H
#define UPSTREAM_GATE_H

#include "net/loop.h"
#include "observe/board_gates.h"
#include "upstream/gate_queue.h"

#define GATE_LOOK_MS TIMER_TICK_MS
#define GATE_PLACES_LEAST 128 /* in the queue of one worker */
#define GATES_OF_ROUTE_MAX 5  /* its upstream's, and shared systems' */

struct gate {
    struct loop *loop;                /* borrowed */
    const struct board *board;        /* borrowed */
    struct gate_cell *cells;          /* borrowed from the board: of all workers; NULL: no place */
    struct gate_cell *mine;           /* one of them, or `spare` */
    const struct gate_state *state;   /* borrowed from the board, or `unset` */
    const struct gate_state *breaker; /* of its upstream's gate for reading; NULL: none */
    uint32_t max;
    uint32_t trial_taken; /* the last half-open time in which this worker tried one */
    struct gate_queue queue;
    uint64_t looked_ms, watched_ms; /* the last look; time in which it was looked, for the queue */
    struct timer timer;             /* while somebody waits */
    struct defer wake;              /* a slot has become free */
    struct gate_cell spare;
};

enum gate_verdict { GATE_ENTERED, GATE_WAITS, GATE_REFUSED };

/* One request on its way through its gates. */
struct gate_pass {
    struct gate_waiter waiter;
    struct gate *const *gates; /* borrowed; the upstream's first */
    struct gate *at;           /* where it waits, or was refused; NULL before */
    uint8_t count;
    bool entered; /* and not left yet */
    /* After GATE_WAITS one of them, in an event of its own, unless it leaves before. */
    void (*on_entered)(struct gate_pass *p);
    void (*on_refused)(struct gate_pass *p, enum gate_shed why);
};

/* `number` is of the board, or -1; `breaker` the number of the gate that has the upstream's, or -1.
 */
void gate_init(struct gate *g, struct loop *loop, struct board *board, uint32_t slot, int number,
               int breaker, uint32_t max);
/* Nobody waits any more. */
void gate_fini(struct gate *g);

/* `why` is set when it is refused. */
enum gate_verdict gate_enter(struct gate_pass *p, enum gate_shed *why) MUST_CHECK;
/* Gives back its slots, or its place in the queue. May be called at any time. */
void gate_leave(struct gate_pass *p);

/* It has a slot, and there is nobody to take it: as if it had been refused. */
void gate_turn_away(struct gate_pass *p, enum gate_shed why);
/* Takes its slots again, whether there is room or not: it was let through before. */
void gate_come_back(struct gate_pass *p);

/* What became of the request, for the upstream's gate alone. */
void gate_answered(struct gate *g, bool slow);
void gate_failed(struct gate *g);

/* It has no room for anything that need not be: a second attempt makes it worse. */
bool gate_is_overloaded(const struct gate *g);
/* When it is worth asking again, different for each who asks. */
uint32_t gate_retry_after_s(struct gate *g, enum gate_shed why);

uint32_t gate_limit(const struct gate *g);
uint32_t gate_in_flight(const struct gate *g);

#endif
