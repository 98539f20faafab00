/* The state that workers and nodes share, as one worker (or the keeper) sees it: rate limits,
 * sessions, submissions. Two engines, chosen by configuration: *embedded*, in the node's own memory
 * (store_region.h), and *redis*, where the same memory is the cache and the fallback.
 *
 * Every operation returns STORE_DONE, with its answer in the operation, or STORE_PENDING, and then
 * calls on_done in an event of its own; never inside the starting call. Operations are embedded in
 * whoever asks, in an exchange's arena as a rule, who cancels them before the memory goes
 * (store_op_cancel). */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "config/config.h"
#include "net/loop.h"
#include "observe/metrics.h"
#include "store/redis_client.h"
#include "store/store_region.h"

struct limits;
struct submission_journal;

enum store_result { STORE_DONE, STORE_PENDING };

struct sessions;
struct store_op;
typedef void (*store_op_fn)(struct store_op *op);

/* The part that all operations have in common; zero-initialise, then set on_done. */
struct store_op {
    store_op_fn on_done;
    struct redis_call call;              /* of the redis engine */
    void (*cancel)(struct store_op *op); /* the engine's; NULL while nothing is pending */
};

struct store_link;

struct store {
    struct loop *loop;                  /* borrowed */
    struct metrics *metrics;            /* borrowed */
    uint32_t slot;                      /* of this process, as on the board */
    struct store_region *region;        /* borrowed */
    const struct config *config;        /* borrowed: the current one */
    struct redis_client *redis;         /* borrowed: of the link; NULL: embedded */
    struct redis_client *redis_waiting; /* the same, where replicas are waited for */
    struct store_link *link;            /* owned: the current way to Redis */
    struct list retired;                /* struct store_link; former ones */
    struct limits *limits;              /* owned */
    struct submission_journal *journal; /* owned; NULL: no submissions are recorded here */
    struct list settling;               /* ends of submissions that Redis is to be told */
    size_t settling_bytes;
    uint8_t secret[32];                     /* derived from the configured one, or the region's */
    struct shm_table *tables[STORE_TABLES]; /* borrowed from the region */
    struct sessions *sessions;              /* owned: what is under way about them */
};

void store_init(struct store *s, struct loop *loop, struct store_region *region, uint32_t slot,
                struct metrics *metrics);
/* Follows a configuration, which lives until the next one has been applied. A changed `store.redis`
 * makes a new client; what is pending at the old one ends there. */
void store_apply(struct store *s, const struct config *config);
void store_fini(struct store *s);

/* Redis is configured and can be asked now. */
static inline bool store_is_shared(const struct store *s)
{
    return s->redis && redis_client_is_up(s->redis);
}

static inline enum store_mode store_mode(const struct store *s)
{
    return (enum store_mode)atomic_load_explicit(&store_region_node(s->region)->mode,
                                                 memory_order_relaxed);
}

/* Safe when nothing is pending. */
static inline void store_op_cancel(struct store_op *op)
{
    if (op->cancel)
        op->cancel(op);
    op->cancel = NULL;
}

#endif
