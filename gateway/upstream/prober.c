#include "upstream/prober.h"

#include "common/log.h"
#include "common/mem.h"
#include "tls/tls_stream.h"
#include "upstream/peer_address.h"
#include "upstream/probe.h"

#include <stdio.h>
#include <string.h>

/* All peers hanging at once must not take all descriptors of the keeper, nor delay the others for
 * long. */
#define PROBES_AT_ONCE 256

struct prober {
    struct loop *loop;   /* borrowed */
    struct board *board; /* borrowed */
    struct list targets;
    struct list queue; /* of those that are due while PROBES_AT_ONCE are under way */
    struct list link_contexts;
    struct tls_engine engine;
    uint32_t running;
};

/* A peer that is probed. */
struct target {
    struct list node;
    struct list turn; /* in the queue */
    struct prober *prober;
    char *name; /* owned: "upstream/address" */
    struct peer_address where;
    struct probe_plan plan;
    struct peer_link link;
    struct peer_health *health; /* borrowed from the board */
    struct peer_state *state;   /* borrowed from the board */
    struct probe *probe;        /* under way; NULL: none */
    struct timer timer;         /* until the next one */
    bool stays;                 /* in the configuration that is being applied */
};

/* --- one target ----------------------------------------------------------------------------- */

static void tell(const struct target *t)
{
    struct health_view v = peer_health_view(t->health);
    char text[HEALTH_TEXT_BYTES];
    if (v.state == HEALTH_UP)
        log_write(LOG_INFO, "peer %s is up: probes pass", t->name);
    else
        log_write(LOG_WARN, "peer %s is down: %u probes in a row failed; at last it %s", t->name,
                  v.streak, health_report_text(&v.last, text));
}

static void run_next(struct prober *p);

static void on_done(void *user, const struct health_report *report)
{
    struct target *t = user;
    const struct config_health *terms = t->plan.health;
    t->probe = NULL;
    t->prober->running--;
    bool was_down = peer_health_is_down(t->health);
    if (report && peer_health_note(t->health, report, terms->rise, terms->fall, clock_wall_ms()))
        tell(t);
    if (was_down && !peer_health_is_down(t->health))
        peer_state_return(t->state, clock_now_ms());
    run_next(t->prober);
}

/* Whose name has not been found is not asked: that says nothing of the peer. */
static void begin(struct target *t)
{
    peer_address_refresh(&t->where);
    t->plan.address = peer_address_next(&t->where);
    if (!t->plan.address)
        return;
    t->prober->running++;
    t->probe = probe_start(t->prober->loop, &t->plan, on_done, t);
}

static void run_next(struct prober *p)
{
    while (p->running < PROBES_AT_ONCE && !list_is_empty(&p->queue)) {
        struct target *t = CONTAINER_OF(p->queue.next, struct target, turn);
        list_remove(&t->turn);
        list_init(&t->turn);
        begin(t);
    }
}

/* Within a tenth of the interval, so that peers do not come to be asked in step. */
static void set_timer(struct target *t)
{
    uint32_t interval_ms = t->plan.health->interval_ms;
    uint32_t jitter_ms = random_below(&t->prober->loop->random, interval_ms / 5 + 1);
    timer_set(&t->prober->loop->timers, &t->timer, interval_ms - interval_ms / 10 + jitter_ms);
}

static void on_timer(struct timer *timer)
{
    struct target *t = CONTAINER_OF(timer, struct target, timer);
    set_timer(t);
    if (t->probe || !list_is_empty(&t->turn))
        return;
    list_push_back(&t->prober->queue, &t->turn);
    run_next(t->prober);
}

static void target_free(struct target *t)
{
    if (t->probe)
        t->prober->running--;
    probe_cancel(&t->probe);
    timer_cancel(&t->timer);
    list_remove(&t->turn);
    list_remove(&t->node);
    peer_link_fini(&t->link);
    mem_free(t->name);
    mem_free(t);
}

/* --- all of them ---------------------------------------------------------------------------- */

static struct target *find(const struct prober *p, const char *name)
{
    LIST_FOREACH (node, &p->targets) {
        struct target *t = CONTAINER_OF(node, struct target, node);
        if (strcmp(t->name, name) == 0)
            return t;
    }
    return NULL;
}

/* The first probe comes at any time of the interval: not all at once when the gateway starts. */
static struct target *target_new(struct prober *p, const char *name,
                                 const struct config_health *terms)
{
    struct target *t = mem_new(sizeof(*t));
    t->prober = p;
    t->name = mem_strdup(name);
    list_init(&t->turn);
    list_push_back(&p->targets, &t->node);
    timer_init(&t->timer, on_timer);
    timer_set(&p->loop->timers, &t->timer, random_below(&p->loop->random, terms->interval_ms));
    return t;
}

static void apply_peer(struct prober *p, const struct config_upstream *upstream,
                       const struct config_peer *peer)
{
    char name[BOARD_NAME_MAX + 1];
    snprintf(name, sizeof(name), "%s/%s", upstream->name, peer->address.text);
    int index = board_find(p->board, SERIES_PEER, slice_str(name));
    struct peer_health *health = board_peer_health(p->board, index);
    if (!health)
        return; /* there was no room for its name: nobody would hear of the verdict */
    if (!upstream->health) {
        peer_health_forget(health);
        return;
    }
    struct target *t = find(p, name);
    if (!t)
        t = target_new(p, name, upstream->health);
    t->health = health;
    t->state = board_peer_state(p->board, index);
    peer_link_apply(&t->link, &p->link_contexts, upstream, peer);
    peer_address_apply(&t->where, &peer->address, board_peer_addresses(p->board, index));
    t->plan.health = upstream->health;
    t->plan.address_text = peer->address.text;
    t->plan.link = &t->link;
    t->plan.engine = &p->engine;
    t->stays = true;
}

struct prober *prober_new(struct loop *loop, struct board *board)
{
    struct prober *p = mem_new(sizeof(*p));
    p->loop = loop;
    p->board = board;
    list_init(&p->targets);
    list_init(&p->queue);
    list_init(&p->link_contexts);
    tls_engine_init(&p->engine);
    return p;
}

void prober_apply(struct prober *p, const struct config *config)
{
    LIST_FOREACH (node, &p->targets)
        CONTAINER_OF(node, struct target, node)->stays = false;
    for (size_t i = 0; i < config->upstream_count; i++)
        for (size_t k = 0; k < config->upstreams[i].peer_count; k++)
            apply_peer(p, &config->upstreams[i], &config->upstreams[i].peers[k]);
    LIST_FOREACH (node, &p->targets) {
        struct target *t = CONTAINER_OF(node, struct target, node);
        if (!t->stays)
            target_free(t);
    }
    run_next(p);
}

void prober_free(struct prober **p)
{
    if (!*p)
        return;
    LIST_FOREACH (node, &(*p)->targets)
        target_free(CONTAINER_OF(node, struct target, node));
    tls_engine_fini(&(*p)->engine);
    mem_free(*p);
    *p = NULL;
}
