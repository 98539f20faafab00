/* What all processes have counted together. */
#include "observe/board_region.h"

uint32_t board_in_flight(const struct board *b, int index)
{
    assert(index < BOARD_PEERS_MAX);
    if (index < 0)
        return 0;
    const _Atomic uint32_t *cells = b->region->in_flight[index];
    uint32_t sum = 0;
    for (uint32_t slot = 0, end = board_workers_end(b); slot < end; slot++)
        sum += atomic_load_explicit(&cells[slot], memory_order_relaxed);
    return sum;
}

/* The first slot at or after `slot` that has or had a process; BOARD_SLOTS at the end. */
static uint32_t next_used(const struct board *b, uint32_t slot)
{
    while (slot < BOARD_SLOTS && board_slot(b, slot) == BOARD_SLOT_UNUSED)
        slot++;
    return slot;
}

#define FOREACH_USED(slot, b)                                                                      \
    for (uint32_t slot = next_used(b, 0); slot < BOARD_SLOTS; slot = next_used(b, slot + 1))

uint64_t board_counter(const struct board *b, enum metric_counter id)
{
    uint64_t sum = 0;
    for (uint32_t slot = 0, end = board_workers_end(b); slot < end; slot++)
        sum += metrics_counter(&b->region->rows[slot].metrics, id);
    return sum;
}

uint64_t board_gauge_sum(const struct board *b, enum metric_gauge id)
{
    uint64_t sum = 0;
    for (uint32_t slot = 0, end = board_workers_end(b); slot < end; slot++)
        sum += metrics_gauge(&b->region->rows[slot].metrics, id);
    return sum;
}

uint64_t board_gauge_min(const struct board *b, enum metric_gauge id)
{
    uint64_t least = UINT64_MAX;
    FOREACH_USED(slot, b)
    {
        uint64_t value = metrics_gauge(&b->region->rows[slot].metrics, id);
        if (board_slot(b, slot) == BOARD_SLOT_UP && value < least)
            least = value;
    }
    return least == UINT64_MAX ? 0 : least;
}

uint64_t board_gauge_max(const struct board *b, enum metric_gauge id)
{
    uint64_t most = 0;
    FOREACH_USED(slot, b)
    most = MAX(most, metrics_gauge(&b->region->rows[slot].metrics, id));
    return most;
}

static void add_counts(struct series_counts *sum, const struct series_counts *counts)
{
    for (uint32_t i = 0; i < SERIES_CLASSES; i++)
        counter_add(&sum->by_class[i], counter_read(&counts->by_class[i]));
    counter_add(&sum->bytes_in, counter_read(&counts->bytes_in));
    counter_add(&sum->bytes_out, counter_read(&counts->bytes_out));
}

struct series_counts board_counts(const struct board *b, enum series_kind kind, uint32_t index)
{
    assert((kind == SERIES_ROUTE || kind == SERIES_UPSTREAM) && index < board_kinds[kind].count);
    struct series_counts sum = { 0 };
    FOREACH_USED(slot, b)
    add_counts(&sum, &b->region->rows[slot].counts[board_kinds[kind].first + index]);
    return sum;
}

static bool has_requests(const struct series_counts *counts)
{
    for (uint32_t i = 0; i < SERIES_CLASSES; i++)
        if (counter_read(&counts->by_class[i]))
            return true;
    return false;
}

struct histogram board_latency(const struct board *b, enum series_kind kind, uint32_t index)
{
    assert((kind == SERIES_ROUTE || kind == SERIES_UPSTREAM) && index < board_kinds[kind].count);
    uint32_t at = board_kinds[kind].first + index;
    struct histogram sum = { 0 };
    FOREACH_USED(slot, b)
    {
        const struct board_row *row = &b->region->rows[slot];
        if (has_requests(&row->counts[at]))
            histogram_merge(&sum, &row->latency[at]);
    }
    return sum;
}

struct series_peer_counts board_peer_counts(const struct board *b, uint32_t index)
{
    assert(index < BOARD_PEERS_MAX);
    struct series_peer_counts sum = { 0 };
    FOREACH_USED(slot, b)
    for (uint32_t i = 0; i < SERIES_PEER_EVENTS; i++)
        counter_add(&sum.by_event[i],
                    counter_read(&b->region->rows[slot].peers[index].by_event[i]));
    return sum;
}
