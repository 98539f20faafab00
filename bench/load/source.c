#include "bench/load/source.h"

#include "bench/node/seed.h"

#include <math.h>

#define LOOPBACK 0x7f000000u
#define PART 0x80000u  /* 524,288 addresses; sixteen parts and one that is left alone fit */
#define SCATTER 40503u /* odd, so that it comes by every address of a part */

void source_init(struct source *s, uint32_t slot, uint32_t shared_percent)
{
    *s = (struct source){ .first = LOOPBACK + (slot + 1) * PART,
                          .step = 1,
                          .shared_percent = shared_percent };
}

void source_init_scattered(struct source *s, uint32_t slot)
{
    source_init(s, slot, 0);
    s->step = SCATTER;
}

static uint32_t take(struct source *s)
{
    return s->first + s->used++ * s->step % PART;
}

/* Small groups are as likely as large ones: by the logarithm. */
static uint32_t draw_group(struct random *r)
{
    double ratio = (double)SOURCE_GROUP_MAX / SOURCE_GROUP_MIN;
    return (uint32_t)(SOURCE_GROUP_MIN * pow(ratio, seed_fraction(r)));
}

uint32_t source_next(struct source *s, struct random *r)
{
    if (seed_fraction(r) * 100 >= s->shared_percent)
        return take(s);
    if (s->group_left == 0) {
        s->group = take(s);
        s->group_left = draw_group(r);
    }
    s->group_left--;
    return s->group;
}
