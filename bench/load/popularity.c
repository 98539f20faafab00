#include "bench/load/popularity.h"

#include "bench/node/seed.h"
#include "common/mem.h"

#include <math.h>

#define ZIPF_EXPONENT 1.1

/* Fills until[from..to) with the running sum of a part that has `share` of all, after `before`. */
static void fill_part(struct popularity *p, uint32_t from, uint32_t to, double before, double share)
{
    double sum = 0;
    for (uint32_t i = from; i < to; i++)
        sum += pow(i - from + 1, -ZIPF_EXPONENT);
    double at = 0;
    for (uint32_t i = from; i < to; i++) {
        at += pow(i - from + 1, -ZIPF_EXPONENT);
        p->until[i] = before + share * at / sum;
    }
}

void popularity_init(struct popularity *p, uint32_t count, uint32_t hot, uint32_t hot_percent)
{
    *p = (struct popularity){ .until = mem_new_array(count, sizeof(*p->until)), .count = count };
    if (hot == 0 || hot >= count) {
        fill_part(p, 0, count, 0, 1);
        return;
    }
    double hot_share = hot_percent / 100.0;
    fill_part(p, 0, hot, 0, hot_share);
    fill_part(p, hot, count, hot_share, 1 - hot_share);
}

void popularity_fini(struct popularity *p)
{
    mem_free(p->until);
    *p = (struct popularity){ 0 };
}

uint32_t popularity_draw(const struct popularity *p, struct random *r)
{
    double at = seed_fraction(r);
    uint32_t low = 0, high = p->count - 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (p->until[middle] > at)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}
