#include "bench/node/node_exchange.h"

#include "bench/node/node.h"
#include "bench/node/node_route.h"
#include "common/mem.h"

#define SPARE_MAX 256

void node_pool_init(struct node_pool *p)
{
    list_init(&p->spare);
    p->count = 0;
}

static void exchange_free(struct node_exchange *x)
{
    node_request_fini(&x->request);
    node_plan_fini(&x->plan);
    node_answer_fini(&x->answer);
    mem_free(x);
}

void node_pool_fini(struct node_pool *p)
{
    LIST_FOREACH (link, &p->spare)
        exchange_free(CONTAINER_OF(link, struct node_exchange, link));
    node_pool_init(p);
}

struct node_exchange *node_exchange_take(struct node_pool *p)
{
    struct node_exchange *x;
    if (list_is_empty(&p->spare)) {
        x = mem_new(sizeof(*x));
        list_init(&x->link);
    } else {
        x = CONTAINER_OF(p->spare.next, struct node_exchange, link);
        list_remove(&x->link);
        p->count--;
    }
    node_request_reset(&x->request);
    node_plan_reset(&x->plan);
    node_answer_reset(&x->answer);
    x->route = NULL;
    x->fault = NODE_FAULT_NONE;
    x->problem.text[0] = '\0';
    return x;
}

void node_exchange_give(struct node_pool *p, struct node_exchange **x)
{
    struct node_exchange *given = *x;
    *x = NULL;
    if (!given)
        return;
    if (p->count >= SPARE_MAX) {
        exchange_free(given);
        return;
    }
    list_push_front(&p->spare, &given->link);
    p->count++;
}

void node_exchange_count(struct node *node, const struct node_exchange *x)
{
    struct slice ref = node_request_header(&x->request, SLICE("x-request-id"));
    struct slice key = node_request_header(&x->request, SLICE("idempotency-key"));
    if (x->route->is_control)
        return;
    node->stats.requests++;
    node->stats.methods[x->request.method]++;
    node->stats.repeats += ref.data && node_seen_before(&node->refs, ref);
    x->listener->requests++;
    if (node->options->arrivals && x->route->stores && key.data)
        node_journal_note_arrival(node->journal, key, node->options->name);
}

struct slice node_exchange_canned(struct node *node, const struct node_exchange *x)
{
    const struct node_request *r = &x->request;
    bool is_plain =
        r->complete && r->keep_alive && r->minor && r->method == HTTP_GET && r->query.len == 0;
    if (!node->is_calm || node->outages.count || !is_plain)
        return (struct slice){ 0 };
    return node_canned_answer(&node->canned, x->route->canned, uv_now(&node->loop));
}

static bool suffer(struct node *node, struct node_exchange *x)
{
    const struct node_outage *o =
        node_outages_find(&node->outages, x->listener->index, x->request.path);
    if (!o)
        return false;
    node->stats.faults++;
    x->plan.hang = o->kind == NODE_OUTAGE_HANG;
    if (o->kind == NODE_OUTAGE_SLOW)
        x->plan.delay_ms = o->time_ms;
    if (o->kind == NODE_OUTAGE_RESET)
        x->fault = NODE_FAULT_RESET;
    return true;
}

void node_exchange_decide(struct node *node, struct node_exchange *x)
{
    struct node_plan *plan = &x->plan;
    bool may_fail = !x->route->is_control && !x->problem.text[0];
    bool by_chance = may_fail && !suffer(node, x);
    if (plan->delay_ms == NODE_PLAN_UNSET)
        plan->delay_ms =
            by_chance ? latency_draw_ms(&node->chance.latency, &node->chance.random) : 0;
    if (!by_chance || plan->hang || plan->close || plan->status != NODE_PLAN_UNSET)
        return;
    x->fault = node_chance_fault(&node->chance);
    plan->hang = x->fault == NODE_FAULT_HANG;
    node->stats.faults += x->fault != NODE_FAULT_NONE;
}

static bool fails(const struct node_exchange *x)
{
    return x->plan.status != NODE_PLAN_UNSET && x->plan.status >= 400;
}

static void do_work(struct node *node, struct node_exchange *x)
{
    const struct node_route *route = x->route;
    if (x->problem.text[0])
        node_answer_refuse(&x->answer, 400, "%s", x->problem.text);
    else if (!node_route_allows(route, &x->request))
        node_route_refuse(route, &x->answer);
    else if (x->fault == NODE_FAULT_ERROR)
        node_answer_refuse(&x->answer, 500, "a simulated fault; nothing was done");
    else if (route->stores && fails(x))
        node_answer_refuse(&x->answer, (unsigned)x->plan.status, "nothing was stored");
    else
        route->answer(node, x);
}

void node_exchange_answer(struct node *node, struct node_exchange *x)
{
    do_work(node, x);
    bool replace =
        x->plan.bytes != NODE_PLAN_UNSET && x->answer.body == NODE_BODY_TEXT && !x->answer.upgrades;
    if (replace)
        node_answer_set_content(&x->answer, "text/plain; charset=utf-8",
                                node_content_text(node->content), x->plan.bytes);
    node_answer_plan(&x->answer, &x->plan, &x->request);
}
