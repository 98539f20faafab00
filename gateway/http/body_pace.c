#include "http/body_pace.h"

void body_pace_begin(struct body_pace *p, uint64_t bytes, uint64_t now_us)
{
    p->since_us = now_us;
    p->before = bytes;
}

void body_pace_stop(struct body_pace *p, uint64_t now_us)
{
    if (p->stopped_us == 0)
        p->stopped_us = now_us;
}

void body_pace_go_on(struct body_pace *p, uint64_t now_us)
{
    if (p->stopped_us == 0)
        return;
    p->since_us += now_us - p->stopped_us;
    p->stopped_us = 0;
}

bool body_pace_is_kept(struct body_pace *p, const struct config_timeouts *t, uint64_t bytes,
                       uint64_t now_us)
{
    uint64_t us = now_us - p->since_us;
    if (p->stopped_us || us < 2000ull * t->request_body_ms)
        return true;
    bool kept = (bytes - p->before) * 1000000 >= t->min_body_rate * us;
    body_pace_begin(p, bytes, now_us);
    return kept;
}
