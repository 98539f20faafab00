#include "store/limit_lease.h"

#define NS_PER_S 1000000000ull
#define NS_PER_MS 1000000ull

/* While all nodes together are at the limit, a node asks a hundred times in a period at most, and
 * not more than ten times a second nor less than once, however often it is asked itself. */
#define PAUSE_MIN_NS (100 * NS_PER_MS)
#define PAUSE_MAX_NS NS_PER_S
/* A process that was to hear the answer may have been killed. */
#define ANSWER_NS NS_PER_S

struct limit_lease limit_lease_of(const struct config_rate_limit *limit, uint32_t nodes)
{
    uint32_t eighth = MIN(limit->limit, limit->burst) / 8 / nodes;
    struct limit_lease l = {
        .whole = gcra_share(limit->limit, limit->period_ms, limit->burst, 1),
        .free_count = eighth,
        .size_max = MAX(eighth, 1u),
        .pause_ns = MIN(MAX(limit->period_ms * NS_PER_MS / 100, PAUSE_MIN_NS), PAUSE_MAX_NS),
        .life_ns = MAX(limit->period_ms * NS_PER_MS / 4, NS_PER_S),
    };
    /* In a stretch of one period a GCRA lets its burst and its limit pass, here the same. */
    if (eighth)
        l.free = gcra_share(eighth, limit->period_ms, eighth, 1);
    return l;
}

static bool is_at_limit(const struct limit_lease *l, const struct limit_record *r, uint64_t now_ns)
{
    if (gcra_room(&l->whole, r->shared_tat_ns, now_ns) == 0)
        return true;
    return r->granted_in_part && now_ns - r->asked_ns < l->pause_ns;
}

enum limit_lease_verdict limit_lease_take(const struct limit_lease *l, struct limit_record *r,
                                          uint64_t now_ns)
{
    if (now_ns >= r->lease_end_ns)
        r->lease = 0;
    if (r->lease) {
        r->lease--;
        r->used++;
        return LIMIT_LEASE_SPENT;
    }
    if (l->free_count && gcra_take(&l->free, &r->free_tat_ns, now_ns, 1)) {
        r->untold++;
        r->used++;
        return LIMIT_LEASE_FREE;
    }
    return is_at_limit(l, r, now_ns) ? LIMIT_LEASE_REFUSED : LIMIT_LEASE_ASK;
}

static void add_lease(const struct limit_lease *l, struct limit_record *r, uint64_t now_ns,
                      uint32_t count)
{
    r->lease = MIN(r->lease + count, l->size_max);
    r->lease_end_ns = now_ns + l->life_ns;
}

void limit_lease_return(const struct limit_lease *l, struct limit_record *r,
                        enum limit_lease_verdict taken, uint64_t now_ns)
{
    if (taken == LIMIT_LEASE_FREE) {
        gcra_return(&l->free, &r->free_tat_ns);
        r->untold -= MIN(r->untold, 1u);
    } else if (taken != LIMIT_LEASE_REFUSED) {
        add_lease(l, r, now_ns, 1);
    }
}

static bool is_running_short(const struct limit_lease *l, const struct limit_record *r,
                             uint64_t now_ns)
{
    if (r->lease)
        return r->lease <= r->lease_full / 2;
    return gcra_room(&l->free, r->free_tat_ns, now_ns) <= l->free_count / 2;
}

/* Of what was let through for free, as much as has not been made good by time since. */
static uint32_t still_untold(const struct limit_lease *l, const struct limit_record *r,
                             uint64_t now_ns)
{
    if (l->free_count == 0)
        return 0;
    return MIN(r->untold, l->free_count - gcra_room(&l->free, r->free_tat_ns, now_ns));
}

bool limit_lease_ask(const struct limit_lease *l, struct limit_record *r, uint64_t now_ns,
                     struct limit_lease_ask *ask)
{
    /* A lease of one is asked for by the request that needs it. */
    if (l->free_count == 0 || (r->asking && now_ns - r->asked_ns < ANSWER_NS))
        return false;
    if (!is_running_short(l, r, now_ns) || is_at_limit(l, r, now_ns) || r->lease >= l->size_max)
        return false;
    ask->want = MAX(MIN(r->used, UINT32_MAX / 2) * 2, 1u);
    ask->want = MIN(ask->want, l->size_max - r->lease);
    ask->untold = still_untold(l, r, now_ns);
    r->asking = true;
    r->asked_ns = now_ns;
    r->used = 0;
    r->untold = 0;
    return true;
}

void limit_lease_granted(const struct limit_lease *l, struct limit_record *r, uint64_t now_ns,
                         const struct limit_lease_ask *ask, uint32_t granted)
{
    r->asking = false;
    r->granted_in_part = granted < ask->want;
    if (granted == 0)
        return;
    add_lease(l, r, now_ns, granted);
    r->lease_full = r->lease;
}

void limit_lease_refused(struct limit_record *r, uint64_t now_ns)
{
    r->granted_in_part = true;
    r->asked_ns = now_ns;
}

void limit_lease_failed(struct limit_record *r, const struct limit_lease_ask *ask)
{
    r->asking = false;
    r->untold += ask->untold;
}

uint32_t limit_lease_room(const struct limit_lease *l, const struct limit_record *r,
                          uint64_t now_ns)
{
    uint32_t room = gcra_room(&l->whole, r->shared_tat_ns, now_ns);
    if (now_ns < r->lease_end_ns)
        room += r->lease;
    return room - MIN(room, still_untold(l, r, now_ns));
}
