/* Something that the keeper does for the store again and again. Its type stands in the list of
 * store_keeper.c, and is embedded first in what it needs to remember. */
#ifndef STORE_STORE_TASK_H
#define STORE_STORE_TASK_H

#include "store/store.h"

struct tls_tickets;

struct store_task {
    const struct store_task_type *type;
    struct store *store;         /* borrowed: the keeper's */
    struct tls_tickets *tickets; /* borrowed: those that all processes of the node see */
    struct timer timer;          /* the keeper's */
};

struct store_task_type {
    /* The memory alone; the keeper fills in what is above. */
    struct store_task *(*new)(void);
    /* After each configuration, which is there until the next one. store->redis may be another
     * then; what is pending at the former one still ends there, unless cancelled. May be NULL. */
    void (*apply)(struct store_task *t);
    /* In an event of its own, from the first configuration on. */
    void (*tick)(struct store_task *t);
    void (*free)(struct store_task *t);
    uint32_t period_ms;
};

/* The tasks, each in the file of its name. */
extern const struct store_task_type dispatches_keeper, sessions_keeper, store_eviction, store_pulse,
    store_sweep, submissions_keeper, tickets_keeper;

#endif
