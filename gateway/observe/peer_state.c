#include "observe/peer_state.h"

#include <math.h>
#include <stdio.h>

#define LATENCY_TAU_MS 10000.0
/* What has faded to less (30 s without an answer) is no knowledge: it would draw everybody. */
#define LATENCY_FORGOTTEN 0.05

uint32_t peer_state_share(const struct peer_state *s, uint32_t slow_start_ms, uint64_t now_ms)
{
    uint64_t returned_ms = counter_read(&s->returned_ms);
    if (returned_ms == 0 || now_ms >= returned_ms + slow_start_ms)
        return PEER_SHARE_FULL;
    uint64_t passed_ms = now_ms > returned_ms ? now_ms - returned_ms : 0;
    return (uint32_t)MAX(passed_ms * PEER_SHARE_FULL / slow_start_ms, PEER_SHARE_LEAST);
}

enum peer_condition peer_state_condition(const struct peer_state *s,
                                         const struct peer_health *health, uint32_t slow_start_ms,
                                         uint64_t now_ms)
{
    if (health && peer_health_is_down(health))
        return PEER_DOWN;
    if (peer_state_is_ejected(s))
        return PEER_EJECTED;
    bool full = peer_state_share(s, slow_start_ms, now_ms) == PEER_SHARE_FULL;
    return full ? PEER_SERVING : PEER_RAMPING;
}

const char *peer_condition_name(enum peer_condition condition)
{
    static const char *const names[PEER_CONDITIONS] = {
        [PEER_DOWN] = "down",
        [PEER_EJECTED] = "ejected",
        [PEER_RAMPING] = "ramping",
        [PEER_SERVING] = "serving",
    };
    return names[condition];
}

struct health_report peer_state_last_failure(const struct peer_state *s)
{
    uint64_t word = counter_read(&s->last_failure);
    uint64_t result = word >> 16;
    return (struct health_report){ result < HEALTH_RESULTS ? (enum health_result)result
                                                           : HEALTH_INVALID,
                                   (uint16_t)word };
}

static unsigned long long seconds(uint64_t from_ms, uint64_t to_ms)
{
    return to_ms > from_ms ? (to_ms - from_ms) / 1000 : 0;
}

static void explain_ejection(const struct peer_state *s, uint64_t now_ms,
                             char out[PEER_STATE_TEXT_BYTES])
{
    struct peer_ejection e = peer_ejection_of(counter_read(&s->ejection));
    struct health_report how = peer_state_last_failure(s);
    char text[HEALTH_TEXT_BYTES] = "failed";
    if (how.result != HEALTH_PASSED)
        health_report_text(&how, text);
    snprintf(out, PEER_STATE_TEXT_BYTES,
             "ejected for %llu s (%u times), at last it %s; %u good trials, next in %llu s",
             seconds(e.since_ms, now_ms), e.times, text, e.trials,
             seconds(now_ms, counter_read(&s->trial_ms)));
}

const char *peer_state_explain(const struct peer_state *s, uint32_t slow_start_ms, uint64_t now_ms,
                               char out[PEER_STATE_TEXT_BYTES])
{
    out[0] = '\0';
    uint32_t share = peer_state_share(s, slow_start_ms, now_ms);
    if (peer_state_is_ejected(s))
        explain_ejection(s, now_ms, out);
    else if (share < PEER_SHARE_FULL)
        snprintf(out, PEER_STATE_TEXT_BYTES, "back for %llu s, at %u %% of its share",
                 seconds(counter_read(&s->returned_ms), now_ms), share / 10);
    return out;
}

/* exp() takes as long as all the rest; of what is a tenth of a second old (nearly every answer of a
 * busy peer) the first terms of its series say the same to within 2e-7. */
static double weight_at(int32_t age_ms)
{
    double x = (double)age_ms / LATENCY_TAU_MS;
    return age_ms < 100 ? 1 - x + x * x / 2 : exp(-x);
}

/* Microseconds above, the time of the last sample (its low bits) below. */
static double faded(uint64_t word, uint64_t now_ms, double *weight)
{
    int32_t age_ms = (int32_t)((uint32_t)now_ms - (uint32_t)word);
    *weight = weight_at(MAX(age_ms, 0)); /* others' clocks may be ahead */
    return (double)(word >> 32) * *weight;
}

double peer_state_latency_us(const struct peer_state *s, uint64_t now_ms)
{
    double weight, latency_us = faded(counter_read(&s->latency), now_ms, &weight);
    return weight < LATENCY_FORGOTTEN ? 0 : latency_us;
}

void peer_state_observe(struct peer_state *s, uint64_t duration_us, uint64_t now_ms)
{
    uint64_t word = counter_read(&s->latency), before_us = word >> 32;
    uint64_t mean_us = MIN(MAX(duration_us, 1), UINT32_MAX);
    if (mean_us < before_us) {
        double weight, old_us = faded(word, now_ms, &weight);
        mean_us = (uint64_t)(old_us + (double)mean_us * (1 - weight)) + 1;
    }
    counter_set(&s->latency, MIN(mean_us, UINT32_MAX) << 32 | (uint32_t)now_ms);
}
