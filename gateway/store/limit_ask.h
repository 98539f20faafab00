/* The questions of rate limits to Redis: the script, its arguments and its answer, and those
 * questions that no request waits for. Redis keeps the time at which a key is as good as new
 * (gcra.h) under cong:{rlXX}:<limit>:<hash>, for as long as that lies ahead. */
#ifndef STORE_LIMIT_ASK_H
#define STORE_LIMIT_ASK_H

#include "store/limit_lease.h"
#include "store/store.h"

struct limit_ask {
    const struct gcra *whole;
    const char *name; /* of the limit */
    struct siphash place;
    struct limit_lease_ask question;
};

struct limit_answer {
    uint32_t granted;
    uint64_t shared_ns; /* until the key is as good as new */
};

/* 0, and call->on_outcome follows, or ERR_LIMIT: Redis is away. */
int limit_ask_put(struct store *s, struct redis_call *call, const struct limit_ask *ask) MUST_CHECK;
/* False when there is no answer, or none that makes sense. */
bool limit_ask_read(enum redis_outcome outcome, const struct redisReply *reply,
                    const struct limit_ask *ask, struct limit_answer *answer);

/* Leases on their way; a bounded number. */
struct limit_fetches;

struct limit_fetches *limit_fetches_new(struct store *s);
/* NULL-safe; *f is NULL after. */
void limit_fetches_free(struct limit_fetches **f);
/* Asks for a lease, whose record hears of it in any case: at once when Redis cannot be asked. */
void limit_fetch(struct limit_fetches *f, const struct limit_lease *lease, const char *name,
                 struct siphash place, struct limit_lease_ask question);

#endif
