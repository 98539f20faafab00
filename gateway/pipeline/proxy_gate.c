/* Slots: who may be sent to the upstream, and when a request holds a slot. */
#include "pipeline/proxy.h"
#include "pipeline/stage.h"
#include "upstream/ejection.h"

static struct gate_pass *pass(struct passage *p)
{
    return &p->proxy.pass;
}

/* The upstream's gate for this class of requests. */
static struct gate *gate_of(struct passage *p)
{
    return pass(p)->gates[0];
}

static uint64_t second(const struct passage *p)
{
    return p->ex->loop->now_us / 1000000;
}

/* Safe methods only read (RFC 9110 9.2.1). */
static enum gate_class class_of(const struct passage *p)
{
    uint8_t method = p->ex->request.method;
    return method == HTTP_GET || method == HTTP_HEAD || method == HTTP_OPTIONS ? GATE_READ
                                                                               : GATE_SUBMIT;
}

/* ---- in and out ---- */

/* Whose client has left in this very event gives its slot back when the event is over. */
static void on_entered(struct gate_pass *g)
{
    struct passage *p = CONTAINER_OF(g, struct passage, proxy.pass);
    if (!p->ex->is_closed)
        proxy_begin(p);
}

static void on_refused(struct gate_pass *g, enum gate_shed why)
{
    struct passage *p = CONTAINER_OF(g, struct passage, proxy.pass);
    if (!p->ex->is_closed)
        proxy_shed(p, why);
}

enum gate_verdict proxy_enter(struct passage *p)
{
    struct gate_pass *g = pass(p);
    enum gate_shed why;
    gate_waiter_init(&g->waiter);
    g->waiter.priority = (uint8_t)p->route->priority;
    g->gates = p->flow->gates[class_of(p)];
    g->count = p->flow->gate_count;
    g->on_entered = on_entered;
    g->on_refused = on_refused;
    enum gate_verdict verdict = gate_enter(g, &why);
    if (verdict == GATE_REFUSED)
        proxy_shed(p, why);
    else
        retry_budget_deposit(&p->upstream->retries, second(p));
    return verdict;
}

void proxy_leave_gates(struct passage *p)
{
    if (p->proxy.state != PROXY_NONE)
        gate_leave(pass(p));
}

/* An upload that trickles in costs the backend a connection, not its time. */
void proxy_client_has_the_word(struct passage *p)
{
    gate_leave(pass(p));
}

void proxy_client_takes_nothing(struct passage *p)
{
    p->proxy.is_unread = true;
    gate_leave(pass(p));
}

void proxy_backend_has_the_word(struct passage *p)
{
    gate_come_back(pass(p));
}

/* ---- what became of it ---- */

/* Nobody shall make an upstream look slow by reading slowly. */
static uint64_t waited_us(const struct passage *p)
{
    const struct proxy *x = &p->proxy;
    return x->sent_us && !x->is_unread ? p->ex->loop->now_us - x->sent_us : 0;
}

static uint64_t tolerated_us(const struct passage *p)
{
    return p->upstream->config->isolation.slow_ms * 1000ull;
}

static struct pace *pace_of(struct passage *p)
{
    return &p->flow->paces[class_of(p)];
}

void proxy_note_answer(struct passage *p, uint16_t status)
{
    if (ejection_is_failure(status))
        gate_failed(gate_of(p));
    else
        gate_answered(gate_of(p),
                      pace_is_slow(pace_of(p), waited_us(p), tolerated_us(p), second(p)));
    gate_leave(pass(p));
}

/* A request that another peer has answered is none: that one peer fails, is the balancer's affair.
 */
void proxy_note_failure(struct passage *p)
{
    if (p->proxy.blamed && p->response_us == ACCESS_UNKNOWN)
        gate_failed(gate_of(p));
    gate_leave(pass(p));
}

/* People leave before a hung upstream has its timeout: who left late has seen a failure. */
void proxy_note_abandoned(struct passage *p)
{
    if (p->proxy.state == PROXY_REQUEST &&
        pace_is_overdue(pace_of(p), waited_us(p), tolerated_us(p)))
        gate_failed(gate_of(p));
}

/* Where there was no connection no backend has worked on it: another attempt is the first that any
 * of them sees, and no more load than was meant for them. */
bool proxy_may_spend_a_retry(struct passage *p)
{
    uint32_t workers = MAX(board_workers_end(p->pipeline->peers.board), 1);
    uint32_t reserve = MAX(RETRY_BUDGET_SECONDS / workers, 1);
    return !gate_is_overloaded(gate_of(p)) && proxy_left_ms(p) > 0 &&
           (p->proxy.nothing_sent || retry_budget_take(&p->upstream->retries, second(p), reserve));
}
