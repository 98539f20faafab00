/* In place of proxy_gate.c and proxy_peer.c, a gateway that shields nobody: requests take no slot,
 * no breaker is asked, and what becomes of a request is told to no one, so that no peer is ejected.
 * For bench/cost/balancing.py alone, which compares what the real ones cost. */
#include "pipeline/proxy.h"
#include "pipeline/proxy_peer.h"

enum gate_verdict proxy_enter(struct passage *p)
{
    (void)p;
    return GATE_ENTERED;
}

void proxy_leave_gates(struct passage *p)
{
    (void)p;
}

void proxy_client_has_the_word(struct passage *p)
{
    (void)p;
}

void proxy_client_takes_nothing(struct passage *p)
{
    (void)p;
}

void proxy_backend_has_the_word(struct passage *p)
{
    (void)p;
}

void proxy_note_answer(struct passage *p, uint16_t status)
{
    (void)p;
    (void)status;
}

void proxy_note_failure(struct passage *p)
{
    (void)p;
}

void proxy_note_abandoned(struct passage *p)
{
    (void)p;
}

bool proxy_may_spend_a_retry(struct passage *p)
{
    return proxy_left_ms(p) > 0;
}

struct peer *proxy_peer_pick(struct passage *p, const struct peer *except, bool may_fail)
{
    struct balancer_ask ask = { .may_fail = may_fail, .except = except };
    p->proxy.peer = balancer_pick(&p->upstream->balancer, &ask);
    return p->proxy.peer;
}

void proxy_peer_sent(struct passage *p)
{
    (void)p;
}

void proxy_peer_answered(struct passage *p)
{
    (void)p;
}

void proxy_peer_finished(struct passage *p)
{
    (void)p;
}

void proxy_peer_failed(struct passage *p, enum upstream_failure failure)
{
    (void)p;
    (void)failure;
}

void proxy_peer_abandoned(struct passage *p)
{
    (void)p;
}
