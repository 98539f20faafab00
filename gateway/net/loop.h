/* One process's event loop: libuv, and what all its connections share.
 *
 * Shared buffers instead of one per connection: bytes are read into `read_buffer` and are valid
 * until the read callback returns; plaintext, outgoing bytes and heads being written have one
 * buffer each. That is what lets an idle connection own almost nothing.
 *
 * Every callback from libuv is one *event*, bracketed by loop_event_begin() and loop_event_end();
 * the end sends what the event wrote, with one system call a stream, and then frees what the event
 * let go of (loop_defer), so that nothing is ever freed inside its own callback.
 *
 * All events that one look at the kernel brings are a *turn*. What several of them add to leaves
 * at its end in one piece (loop_defer_to_turn). */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "common/arena.h"
#include "common/clock.h"
#include "common/list.h"
#include "common/random.h"
#include "net/timer.h"

#include <uv.h>

#define LOOP_READ_BYTES (64 * 1024)
/* Room for what one read can decrypt to, and for the records that one read can be encrypted to. */
#define LOOP_PLAIN_BYTES (LOOP_READ_BYTES + 16 * 1024)
#define LOOP_PLAIN_OUTPUT_BYTES (16 * 1024) /* the largest TLS record (RFC 8446 5.1) */
#define LOOP_OUTPUT_BYTES (128 * 1024)
#define LOOP_SCRATCH_BYTES (96 * 1024)
#define LOOP_FRAME_BYTES (20 * 1024) /* the largest frame that we send, with room to spare */

struct stream;

/* Output on its way, of one stream at a time: another one that writes sends the first one's off. */
struct loop_gather {
    struct stream *owner; /* borrowed; NULL when empty */
    char *data;           /* owned */
    size_t len, size;
};

struct defer;
typedef void (*defer_fn)(struct defer *d);

/* Embedded in an object that will be freed, or looked at again, when the event is over. */
struct defer {
    struct list node;
    defer_fn run;
};

struct loop {
    uv_loop_t uv;
    struct timer_wheel timers;
    struct arena_cache arenas;
    struct random random;
    uint64_t now_us;  /* monotonic, at the start of the current event */
    uint64_t wall_ms; /* in the current event; 0: nobody has asked (loop_wall_ms) */

    char *read_buffer;               /* LOOP_READ_BYTES: raw input of the current event */
    char *plain_buffer;              /* LOOP_PLAIN_BYTES: decrypted input of the current event */
    char *scratch;                   /* LOOP_SCRATCH_BYTES: a head while it is being written */
    struct loop_gather plain_output; /* small writes of a TLS stream, until they fill a record */
    struct loop_gather output;       /* bytes for a socket */

    char *frame; /* LOOP_FRAME_BYTES: an HTTP/2 frame while it is being made */

    struct list deferred; /* struct defer */
    struct list turn;     /* struct defer */
    uv_prepare_t turn_begin;
    uv_check_t turn_end;
    bool in_turn;
    const struct stream *reader; /* who has read last in this turn; NULL: nobody */
    unsigned reads;              /* of theirs, one after the other */
};

/* 0 or a negative libuv code. */
int loop_init(struct loop *l) MUST_CHECK;
/* Closes every handle that is left and frees the buffers. */
void loop_fini(struct loop *l);

void loop_event_begin(struct loop *l);
void loop_event_end(struct loop *l);

/* Runs d->run(d) when the current event is over. Scheduling twice runs once. */
void loop_defer(struct loop *l, struct defer *d);
/* The same when the current turn is over: at once after an event that is part of none (a timer). */
void loop_defer_to_turn(struct loop *l, struct defer *d);

static inline void defer_init(struct defer *d, defer_fn run)
{
    list_init(&d->node);
    d->run = run;
}

static inline struct loop *loop_of(const uv_loop_t *uv)
{
    return CONTAINER_OF(uv, struct loop, uv);
}

/* clock_wall_ms(), read once an event. */
static inline uint64_t loop_wall_ms(struct loop *l)
{
    if (!l->wall_ms)
        l->wall_ms = clock_wall_ms();
    return l->wall_ms;
}

static inline uint64_t loop_now_ms(const struct loop *l)
{
    return uv_now(&l->uv);
}

#endif
