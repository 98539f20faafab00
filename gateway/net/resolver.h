/* Looks names up without blocking: c-ares on a loop.
 *
 * Not libuv's own way, which runs the C library's resolver in a pool of threads: it may hold all of
 * them for minutes when a server is silent, cannot be told which server to ask, and would bring
 * NSS modules into the process. c-ares makes ids and source ports up at random, drops answers from
 * elsewhere, and reads what is left in one process, the keeper, that serves no citizen. */
#ifndef NET_RESOLVER_H
#define NET_RESOLVER_H

#include "common/err.h"
#include "net/loop.h"
#include "observe/peer_addresses.h"

struct resolver_answer {
    int problem;                            /* 0, or what resolver_problem_text() explains */
    uint32_t count;                         /* what is more than there is room for is left out */
    struct peer_ip ips[PEER_ADDRESSES_MAX]; /* sorted, each once */
};

struct resolver_terms {
    const char *servers; /* "192.0.2.1:53,[::1]:53"; NULL: as /etc/hosts and /etc/resolv.conf say */
    uint32_t timeout_ms; /* of one question, which is put twice to each server */
};

/* May come inside resolver_ask(), when no server has to be asked. */
typedef void (*resolver_fn)(void *user, const struct resolver_answer *answer);

struct resolver;

/* NULL with a sentence in `e` on failure. `terms` are copied. */
struct resolver *resolver_new(struct loop *loop, const struct resolver_terms *terms, struct err *e);
/* `name` is copied. */
void resolver_ask(struct resolver *r, const char *name, resolver_fn on_answer, void *user);
/* What is under way gets no answer. NULL-safe; *r is NULL after. */
void resolver_free(struct resolver **r);

const char *resolver_problem_text(int problem);

#endif
