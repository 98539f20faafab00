/* Asks the Sentinels, one after the other, for the address of the master. What they say is a hint:
 * whoever connects asks the server itself (ROLE). */
#ifndef STORE_REDIS_SENTINEL_H
#define STORE_REDIS_SENTINEL_H

#include "store/redis_setup.h"

struct redis_sentinel;

struct redis_sentinel_handler {
    void (*on_master)(void *user, const struct address *master);
    void (*on_nobody)(void *user, const char *why); /* all have been asked */
};

struct redis_sentinel *redis_sentinel_new(struct redis_setup *setup,
                                          const struct redis_sentinel_handler *handler, void *user);
/* NULL-safe; *pointer is NULL after. */
void redis_sentinel_free(struct redis_sentinel **pointer);

/* One of the two events follows. The one that answered last is asked first. */
void redis_sentinel_ask(struct redis_sentinel *s);

#endif
