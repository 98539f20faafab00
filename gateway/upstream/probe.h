/* One look at one peer: a connection of its own, and with HTTP, over TLS where the peer has it, one
 * GET on it.
 *
 * The answer is read by the same strict parser as any other; it is bytes from outside. */
#ifndef UPSTREAM_PROBE_H
#define UPSTREAM_PROBE_H

#include "config/config_health.h"
#include "net/loop.h"
#include "observe/peer_health.h"
#include "upstream/peer_link.h"

#include <sys/socket.h>

/* The caller's; it may change while a probe is under way, which is then judged by the new terms. */
struct probe_plan {
    const struct config_health *health;
    const struct sockaddr *address; /* read by probe_start() */
    const char *address_text;
    struct peer_link *link;    /* connections begin as those of requests do */
    struct tls_engine *engine; /* where the link has TLS */
};

/* Once, never inside probe_start(). `report` is NULL when nothing was learned: we were late
 * ourselves, or ran out of something. */
typedef void (*probe_done_fn)(void *user, const struct health_report *report);

struct probe;

/* `plan` is borrowed until on_done or probe_cancel(). */
struct probe *probe_start(struct loop *loop, const struct probe_plan *plan, probe_done_fn on_done,
                          void *user);
/* on_done will not come. NULL-safe; *pointer is NULL after. */
void probe_cancel(struct probe **pointer);

#endif
