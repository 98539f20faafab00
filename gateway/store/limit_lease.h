/* Leases: how a node decides without asking Redis about each request.
 *
 * A key begins with a little that is free, so that who asks seldom is never a matter for Redis.
 * When half of that is gone the node asks for a lease: it tells what it let through for free, and
 * is granted as many requests as were used since it last asked, twice over, up to a bound. A lease
 * is asked for anew when half of it is spent. Without one, a request asks for itself alone. What
 * Redis has refused is refused without asking until the answer can be another one.
 *
 * With n nodes and m = min(limit, burst), a node has at most m / 8n of leases in hand, and lets at
 * most m / 4n pass for free in a period: all nodes together let at most 3/8 m more pass than one
 * alone would. Where m < 8n a lease is of one request and nothing is free.
 *
 * No I/O: the record is changed by whoever holds its lock, and somebody else does the asking. */
#ifndef STORE_LIMIT_LEASE_H
#define STORE_LIMIT_LEASE_H

#include "config/config_limit.h"
#include "store/gcra.h"
#include "store/limit_record.h"

/* A limit, as one of the nodes sees it. */
struct limit_lease {
    struct gcra whole; /* of all nodes together */
    struct gcra free;  /* unused where free_count is 0 */
    uint32_t free_count;
    uint32_t size_max;
    uint64_t pause_ns; /* after Redis has granted less than was asked for */
    uint64_t life_ns;  /* what nobody uses for so long is lost */
};

struct limit_lease limit_lease_of(const struct config_rate_limit *limit, uint32_t nodes);

enum limit_lease_verdict {
    LIMIT_LEASE_SPENT, /* let through: out of the lease */
    LIMIT_LEASE_FREE,  /* let through: ahead of asking */
    LIMIT_LEASE_REFUSED,
    LIMIT_LEASE_ASK, /* only Redis knows */
};

enum limit_lease_verdict limit_lease_take(const struct limit_lease *l, struct limit_record *r,
                                          uint64_t now_ns);
/* Gives back what has been let through so, or what Redis granted to a request (ASK). */
void limit_lease_return(const struct limit_lease *l, struct limit_record *r,
                        enum limit_lease_verdict taken, uint64_t now_ns);

/* A question to Redis. */
struct limit_lease_ask {
    uint32_t want;
    uint32_t untold;
};

/* Whether it is time for another lease; *ask is the question then, which is to be put. */
bool limit_lease_ask(const struct limit_lease *l, struct limit_record *r, uint64_t now_ns,
                     struct limit_lease_ask *ask);
/* Its answer. */
void limit_lease_granted(const struct limit_lease *l, struct limit_record *r, uint64_t now_ns,
                         const struct limit_lease_ask *ask, uint32_t granted);
/* A request that asked for itself was refused. */
void limit_lease_refused(struct limit_record *r, uint64_t now_ns);
/* Redis could not be asked, or did not answer. */
void limit_lease_failed(struct limit_record *r, const struct limit_lease_ask *ask);

/* How many more would be let through now, as far as this node knows. */
uint32_t limit_lease_room(const struct limit_lease *l, const struct limit_record *r,
                          uint64_t now_ns);

#endif
