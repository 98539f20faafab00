#include "store/gcra.h"

#define NS_PER_MS 1000000ull

struct gcra gcra_share(uint32_t limit, uint32_t period_ms, uint32_t burst, uint32_t parts)
{
    struct gcra g;
    g.interval_ns = ((uint64_t)period_ms * NS_PER_MS * parts + limit - 1) / limit;
    g.tolerance_ns = g.interval_ns * MAX(burst / parts, 1u);
    return g;
}

/* From when on it is in use; at most tolerance_ns from now. */
static uint64_t used_ns(const struct gcra *g, uint64_t tat_ns, uint64_t now_ns)
{
    return tat_ns > now_ns ? MIN(tat_ns - now_ns, g->tolerance_ns) : 0;
}

uint32_t gcra_room(const struct gcra *g, uint64_t tat_ns, uint64_t now_ns)
{
    return (uint32_t)((g->tolerance_ns - used_ns(g, tat_ns, now_ns)) / g->interval_ns);
}

bool gcra_take(const struct gcra *g, uint64_t *tat_ns, uint64_t now_ns, uint32_t count)
{
    if (gcra_room(g, *tat_ns, now_ns) < count)
        return false;
    *tat_ns = now_ns + used_ns(g, *tat_ns, now_ns) + count * g->interval_ns;
    return true;
}

void gcra_drain(const struct gcra *g, uint64_t *tat_ns, uint64_t now_ns, uint32_t count)
{
    uint32_t taken = MIN(gcra_room(g, *tat_ns, now_ns), count);
    *tat_ns = now_ns + used_ns(g, *tat_ns, now_ns) + taken * g->interval_ns;
}

void gcra_return(const struct gcra *g, uint64_t *tat_ns)
{
    *tat_ns -= MIN(g->interval_ns, *tat_ns);
}

uint64_t gcra_retry_ns(const struct gcra *g, uint64_t tat_ns, uint64_t now_ns)
{
    uint64_t room_ns = g->tolerance_ns - used_ns(g, tat_ns, now_ns);
    return room_ns < g->interval_ns ? g->interval_ns - room_ns : 0;
}

uint64_t gcra_reset_ns(const struct gcra *g, uint64_t tat_ns, uint64_t now_ns)
{
    return used_ns(g, tat_ns, now_ns);
}
