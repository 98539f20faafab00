/* Until when an answer is waited for. */
#include "pipeline/proxy.h"
#include "pipeline/stage.h"

void proxy_request_is_whole(struct passage *p)
{
    p->proxy.request_ended = true;
    if (!p->proxy.whole_us)
        p->proxy.whole_us = p->ex->loop->now_us;
}

uint64_t proxy_left_ms(const struct passage *p)
{
    const struct config_upstream *config = p->upstream->config;
    uint64_t total_ms = config->deadline_ms;
    if (total_ms == 0)
        total_ms = 2ull * (config->connect_timeout_ms + stage_proxy_response_timeout_ms(p));
    if (!p->proxy.whole_us)
        return total_ms;
    uint64_t passed_ms = (p->ex->loop->now_us - p->proxy.whole_us) / 1000;
    return passed_ms < total_ms ? total_ms - passed_ms : 0;
}

uint64_t proxy_answer_ms(const struct passage *p)
{
    return MIN(proxy_left_ms(p), stage_proxy_response_timeout_ms(p));
}
