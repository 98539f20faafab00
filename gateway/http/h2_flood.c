#include "http/h2_flood.h"

static const struct {
    const char *text;
    uint32_t burst, per_second;
} kinds[] = {
#define KIND(id, name, burst, per_second) { name, burst, per_second },
    H2_FLOOD_KINDS(KIND)
#undef KIND
};

const char *h2_flood_text(enum h2_flood_kind kind)
{
    return kinds[kind].text;
}

bool h2_flood_charge(struct h2_flood *f, enum h2_flood_kind kind, uint64_t now_ms)
{
    uint32_t now = (uint32_t)now_ms;
    uint64_t run_out = (uint64_t)(now - f->buckets[kind].seen_ms) * kinds[kind].per_second;
    uint32_t level = f->buckets[kind].level;
    level -= (uint32_t)MIN(run_out, level);
    f->buckets[kind].level = level + 1000;
    f->buckets[kind].seen_ms = now;
    return f->buckets[kind].level > kinds[kind].burst * 1000;
}

void h2_flood_credit(struct h2_flood *f, enum h2_flood_kind kind, uint32_t count)
{
    f->buckets[kind].level -= MIN(f->buckets[kind].level, count * 1000);
}
