#include "observe/pressure.h"

const char *pressure_name(uint64_t level)
{
    static const char *const names[PRESSURE_LEVELS] = {
        [PRESSURE_CALM] = "calm",
        [PRESSURE_TIGHT] = "tight",
        [PRESSURE_SCARCE] = "scarce",
        [PRESSURE_CRITICAL] = "critical",
    };
    return names[MIN(level, PRESSURE_CRITICAL)];
}

/* The highest level whose bound the value has reached. */
static enum pressure_level highest(const uint32_t bounds[PRESSURE_LEVELS], uint32_t value)
{
    enum pressure_level level = PRESSURE_CRITICAL;
    while (level > PRESSURE_CALM && (bounds[level] == PRESSURE_NEVER || value < bounds[level]))
        level--;
    return level;
}

bool pressure_step(struct pressure *p, const struct pressure_scale *scale, uint32_t value,
                   uint64_t now_ms)
{
    enum pressure_level before = p->level;
    enum pressure_level reached = highest(scale->begins, value);
    enum pressure_level held = MIN(before, highest(scale->ends, value));
    if (reached >= before || held == before) {
        p->level = MAX(reached, before);
        p->below_since_ms = 0;
    } else if (p->below_since_ms == 0) {
        p->below_since_ms = now_ms;
    } else if (now_ms - p->below_since_ms >= PRESSURE_HOLD_MS) {
        p->level = MAX(reached, held);
        p->below_since_ms = 0;
    }
    return p->level != before;
}
