/* Whether an upstream is closed for work, on the board: the supervisor writes, workers answer by
 * it, status and metrics show it. Routes of an open upstream cost one look at `cause`. */
#ifndef OBSERVE_CLOSURE_H
#define OBSERVE_CLOSURE_H

#include "observe/counter.h"

#define CLOSURE_MESSAGE_BYTES 512

enum closure_cause { CLOSURE_NONE, CLOSURE_CONFIGURATION, CLOSURE_OPERATOR };

struct closure {
    _Atomic uint64_t cause; /* NONE: it is open */
    _Atomic uint64_t turn;  /* grows with each change; odd while it is made */
    _Atomic uint64_t since_ms, until_ms;
    char message[CLOSURE_MESSAGE_BYTES + 1];
};

struct closure_view {
    enum closure_cause cause;
    uint64_t since_ms; /* wall clock */
    uint64_t until_ms; /* when it is expected to be over; 0: not known */
    char message[CLOSURE_MESSAGE_BYTES + 1];
};

static inline bool closure_is_set(const struct closure *c)
{
    return counter_read(&c->cause) != CLOSURE_NONE;
}

/* False when it is open. Never waits: what is changing at this moment is told without a message and
 * an end. */
bool closure_read(const struct closure *c, struct closure_view *out);

/* The supervisor's alone. Does nothing when nothing changes. */
void closure_set(struct closure *c, const struct closure_view *view);
void closure_clear(struct closure *c);

const char *closure_cause_name(enum closure_cause cause);

#endif
