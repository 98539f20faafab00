#include "pipeline/proxy_peer.h"

#include "common/siphash.h"
#include "http/cookie.h"
#include "pipeline/stage.h"
#include "upstream/ejection.h"

/* ---- who ---- */

/* Without a secret: all nodes have to come to the same, and who finds values that meet at one peer
 * is held up by the bound on what that gets. Never 0. */
static uint64_t digest(struct slice value)
{
    return value.len ? siphash_of((struct siphash_key){ 0 }, value).low | 1 : 0;
}

static uint64_t hash_key(const struct passage *p)
{
    const struct config_upstream *config = p->upstream->config;
    const struct headers *headers = &p->ex->request.headers;
    switch (config->hash_key) {
    case CONFIG_HASH_HEADER:
        return digest(headers_value_named(headers, config->hash_name));
    case CONFIG_HASH_COOKIE:
        return digest(cookie_find(headers, config->hash_name));
    case CONFIG_HASH_SESSION:
    default:
        return p->affinity;
    }
}

struct peer *proxy_peer_pick(struct passage *p, const struct peer *except, bool may_fail)
{
    struct proxy *x = &p->proxy;
    struct balancer_ask ask = { .may_fail = may_fail, .except = except };
    if (p->route->affinity == CONFIG_AFFINITY_SESSION && p->affinity) {
        ask.key = p->affinity;
        ask.key_binds = true;
    } else if (p->upstream->config->balance == CONFIG_BALANCE_HASH) {
        ask.key = hash_key(p);
    }
    x->attempt_us = p->ex->loop->now_us;
    x->sent_us = 0;
    x->peer_judged = false;
    x->peer = balancer_pick(&p->upstream->balancer, &ask);
    return x->peer;
}

/* ---- how it went ---- */

static uint64_t now_us(const struct passage *p)
{
    return p->ex->loop->now_us;
}

/* Nobody shall make a peer look slow by reading slowly. */
static void observe(struct passage *p)
{
    struct proxy *x = &p->proxy;
    if (x->sent_us && !x->is_unread)
        peer_state_observe(x->peer->state, now_us(p) - x->sent_us, now_us(p) / 1000);
}

static uint64_t avoid_ms(const struct passage *p)
{
    uint64_t seconds;
    struct slice value = headers_value(&p->ex->response.headers, HEADER_RETRY_AFTER);
    return slice_to_u64(value, &seconds) ? MIN(seconds, UINT32_MAX) * 1000 : 0;
}

static void note_failure(struct passage *p, struct health_report how, uint64_t wait_ms)
{
    p->proxy.peer_judged = true;
    peer_state_blame(p->proxy.peer->state, how);
    ejection_note_failure(&p->upstream->balancer, p->proxy.peer, p->proxy.attempt_us, wait_ms);
}

static void note_success(struct passage *p)
{
    p->proxy.peer_judged = true;
    ejection_note_success(&p->upstream->balancer, p->proxy.peer, p->proxy.attempt_us);
}

void proxy_peer_sent(struct passage *p)
{
    p->proxy.sent_us = now_us(p);
}

void proxy_peer_answered(struct passage *p)
{
    uint16_t status = p->ex->response.status;
    if (ejection_is_failure(status)) {
        note_failure(p, (struct health_report){ HEALTH_STATUS, status }, avoid_ms(p));
        return;
    }
    observe(p);
    if (status == 101)
        note_success(p); /* the tunnel's end tells nothing */
}

void proxy_peer_finished(struct passage *p)
{
    if (!p->proxy.peer_judged)
        note_success(p);
}

/* The second peer that is asked may be left with little of the time for both. */
static bool had_its_time(const struct passage *p)
{
    const struct proxy *x = &p->proxy;
    uint64_t from_us = x->sent_us ? x->sent_us : x->attempt_us;
    uint64_t limit_ms = x->state == PROXY_CONNECTING ? p->upstream->config->connect_timeout_ms
                                                     : stage_proxy_response_timeout_ms(p);
    return x->retries == 0 || (now_us(p) - from_us) / 1000 + TIMER_TICK_MS >= limit_ms;
}

void proxy_peer_failed(struct passage *p, enum upstream_failure failure)
{
    static const enum health_result results[] = {
        [UPSTREAM_CONNECT] = HEALTH_CONNECT, [UPSTREAM_CLOSED] = HEALTH_CLOSED,
        [UPSTREAM_INVALID] = HEALTH_INVALID, [UPSTREAM_TIMED_OUT] = HEALTH_TIMEOUT,
        [UPSTREAM_TLS] = HEALTH_TLS,
    };
    struct proxy *x = &p->proxy;
    struct upstream_conn *c = x->conn;
    /* A pooled connection that it closed as we took it is nobody's fault. */
    bool stale = failure == UPSTREAM_CLOSED && c && c->reused && !c->answer_begun;
    bool late = failure == UPSTREAM_TIMED_OUT && ejection_is_late(x->peer);
    if (x->peer_judged || stale || late)
        return;
    x->blamed = true;
    if (failure != UPSTREAM_TIMED_OUT || had_its_time(p))
        note_failure(p, (struct health_report){ .result = results[failure] }, 0);
}

/* A peer that hangs would look idle and fast if those who gave up counted for nothing. */
void proxy_peer_abandoned(struct passage *p)
{
    struct proxy *x = &p->proxy;
    if (x->peer_judged || !x->sent_us || x->state != PROXY_REQUEST)
        return;
    uint64_t waited_us = now_us(p) - x->sent_us;
    if ((double)waited_us > peer_state_latency_us(x->peer->state, now_us(p) / 1000))
        observe(p);
}
