/* What stage_proxy asks of an upstream, and tells it: the peer for a request, and what became of
 * the request there (upstream/ejection.h). Each attempt is judged once, by what comes first. */
#ifndef PIPELINE_PROXY_PEER_H
#define PIPELINE_PROXY_PEER_H

#include "pipeline/passage.h"

/* The peer for the next attempt, as balancer_pick(); an attempt begins. `may_fail`: it could be
 * made once more. */
struct peer *proxy_peer_pick(struct passage *p, const struct peer *except,
                             bool may_fail) MUST_CHECK;

/* The whole request has been handed to the connection: the peer's time runs. */
void proxy_peer_sent(struct passage *p);
/* The head of the answer is in p->ex->response. */
void proxy_peer_answered(struct passage *p);
void proxy_peer_finished(struct passage *p);
void proxy_peer_failed(struct passage *p, enum upstream_failure failure);
/* Nobody waits for the answer any longer. */
void proxy_peer_abandoned(struct passage *p);

#endif
