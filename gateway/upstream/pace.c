#include "upstream/pace.h"

#define UP_BY 1024 /* a 1024th each second: by four fifths in ten minutes */
#define DOWN_BY 64

static void learn(struct pace *p, uint64_t took_us, uint64_t second)
{
    p->usual_us = MAX(p->usual_us, took_us);
    p->second = second;
    p->learnt++;
}

/* Between a twentieth and a tenth of them later than usual is as usual. */
static void follow(struct pace *p, uint64_t second)
{
    if (p->later * 10 > p->answers)
        p->usual_us += p->usual_us / UP_BY + 1;
    else if (p->later * 20 < p->answers)
        p->usual_us -= p->usual_us / DOWN_BY;
    p->answers = p->later = 0;
    p->second = second;
}

bool pace_is_overdue(const struct pace *p, uint64_t waited_us, uint64_t tolerated_us)
{
    return p->learnt >= PACE_LEARNT_FROM && waited_us > tolerated_us &&
           waited_us > PACE_SLOW_TIMES * p->usual_us;
}

bool pace_is_slow(struct pace *p, uint64_t took_us, uint64_t tolerated_us, uint64_t second)
{
    if (p->learnt < PACE_LEARNT_FROM) {
        learn(p, took_us, second);
        return false;
    }
    if (second != p->second && p->answers >= PACE_SAMPLES)
        follow(p, second);
    p->answers++;
    p->later += took_us > p->usual_us;
    return pace_is_overdue(p, took_us, tolerated_us);
}
