#include "http/send_pace.h"

/* The part of timeouts.send that a full socket has to become free by itself. */
#define FIRST_LOOK_PART 8

static uint32_t stretch_ms(const struct config_timeouts *t)
{
    return t->send_ms - t->send_ms / FIRST_LOOK_PART;
}

static uint32_t bytes_in(const struct config_timeouts *t, uint32_t ms)
{
    uint64_t bytes = (uint64_t)t->min_send_rate * ms / 1000;
    return (uint32_t)MIN(MAX(bytes, 1u), UINT32_MAX / 2);
}

uint32_t send_pace_begin(struct send_pace *p, const struct config_timeouts *t)
{
    p->acknowledged = 0;
    return MAX(t->send_ms / FIRST_LOOK_PART, 1u);
}

uint32_t send_pace_look(struct send_pace *p, const struct stream *s,
                        const struct config_timeouts *t)
{
    uint32_t acknowledged = (uint32_t)stream_acknowledged(s) | 1;
    uint32_t taken = acknowledged - p->acknowledged;
    if (p->acknowledged && taken < bytes_in(t, stretch_ms(t)))
        return 0;
    p->acknowledged = acknowledged;
    return stretch_ms(t);
}

uint32_t send_pace_bytes(const struct config_timeouts *t)
{
    return bytes_in(t, t->send_ms);
}
