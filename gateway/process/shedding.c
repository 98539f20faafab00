#include "process/shedding.h"

#include "http/http_conn.h"

#define SHORTER 10
#define SHORTEST_MS 1000
/* All connections have been looked at after so many steps. */
#define ROUND_STEPS 32

/* The list goes round: who was looked at goes to its end. */
static void look_at_some(struct shedding *s, uint32_t short_ms)
{
    struct metrics *metrics = s->server->metrics;
    uint64_t count = metrics_gauge(metrics, GAUGE_CONNECTIONS_OPEN) / ROUND_STEPS + 1;
    for (; count > 0 && !list_is_empty(s->connections); count--) {
        struct list *node = s->connections->next;
        list_remove(node);
        list_push_back(s->connections, node);
        if (http_conn_shed(http_conn_of(node), s->keep_alive_ms, short_ms))
            metrics_add(metrics, COUNTER_CONNECTIONS_SHED, 1);
    }
}

void shedding_step(struct shedding *s, enum pressure_level level)
{
    uint32_t usual_ms = s->keep_alive_ms;
    uint32_t short_ms = MAX(usual_ms / SHORTER, MIN(usual_ms, SHORTEST_MS));
    s->server->timeouts.keep_alive_ms = level >= PRESSURE_TIGHT ? short_ms : usual_ms;
    s->server->no_keep_alive = level >= PRESSURE_SCARCE;
    if (level >= PRESSURE_TIGHT)
        look_at_some(s, short_ms);
}
