#include "process/shedding.h"

#include "http/http_conn.h"

#define SHORTER 10
#define SHORTEST_MS 1000
#define FASTER 10
/* All connections have been looked at after so many steps. */
#define ROUND_STEPS 32

static uint32_t shorter(uint32_t usual_ms)
{
    return MAX(usual_ms / SHORTER, MIN(usual_ms, SHORTEST_MS));
}

static void set_timeouts(struct shedding *s, enum pressure_level keep_alive,
                         enum pressure_level blocked)
{
    struct config_timeouts *t = &s->server->timeouts;
    t->keep_alive_ms = s->usual.keep_alive_ms;
    t->send_ms = s->usual.send_ms;
    t->min_send_rate = s->usual.min_send_rate;
    if (keep_alive >= PRESSURE_TIGHT)
        t->keep_alive_ms = shorter(t->keep_alive_ms);
    if (blocked >= PRESSURE_TIGHT)
        t->send_ms = shorter(t->send_ms);
    if (blocked >= PRESSURE_SCARCE)
        t->min_send_rate *= FASTER;
}

/* The list goes round: who was looked at goes to its end. */
static void look_at_some(struct shedding *s, bool idle)
{
    struct metrics *metrics = s->server->metrics;
    uint64_t count = metrics_gauge(metrics, GAUGE_CONNECTIONS_OPEN) / ROUND_STEPS + 1;
    for (; count > 0 && !list_is_empty(s->connections); count--) {
        struct list *node = s->connections->next;
        list_remove(node);
        list_push_back(s->connections, node);
        struct http_conn *c = http_conn_of(node);
        http_conn_hurry(c);
        if (idle && http_conn_shed(c, s->usual.keep_alive_ms, s->server->timeouts.keep_alive_ms))
            metrics_add(metrics, COUNTER_CONNECTIONS_SHED, 1);
    }
}

void shedding_step(struct shedding *s, enum pressure_level keep_alive, enum pressure_level blocked)
{
    set_timeouts(s, keep_alive, blocked);
    s->server->no_keep_alive = keep_alive >= PRESSURE_SCARCE;
    if (blocked >= PRESSURE_TIGHT) /* it is never the lower one */
        look_at_some(s, keep_alive >= PRESSURE_TIGHT);
}
