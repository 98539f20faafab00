#include "observe/peer_health.h"

#include <stdio.h>

/* One word, so that a reader never sees half a verdict. */
static uint64_t pack(const struct health_view *v)
{
    return (uint64_t)v->state | (uint64_t)v->last.result << 8 | (uint64_t)v->last.status << 16 |
           (uint64_t)v->streak << 32;
}

struct health_view peer_health_view(const struct peer_health *h)
{
    uint64_t word = counter_read(&h->verdict);
    uint32_t state = word & 0xff, result = word >> 8 & 0xff;
    return (struct health_view){
        .state = state <= HEALTH_DOWN ? (enum health_state)state : HEALTH_UNPROBED,
        .last = { result < HEALTH_RESULTS ? (enum health_result)result : HEALTH_INVALID,
                  (uint16_t)(word >> 16) },
        .streak = (uint32_t)(word >> 32),
        .since_ms = counter_read(&h->since_ms),
        .passed = counter_read(&h->passed),
        .failed = counter_read(&h->failed),
    };
}

static enum health_state next_state(const struct health_view *v, bool passed, uint32_t rise,
                                    uint32_t fall)
{
    if (!passed)
        return v->streak >= fall ? HEALTH_DOWN : v->state;
    return v->state == HEALTH_UNPROBED || v->streak >= rise ? HEALTH_UP : v->state;
}

bool peer_health_note(struct peer_health *h, const struct health_report *report, uint32_t rise,
                      uint32_t fall, uint64_t wall_ms)
{
    struct health_view v = peer_health_view(h);
    enum health_state before = v.state;
    bool passed = report->result == HEALTH_PASSED;
    bool is_like_last = v.streak && passed == (v.last.result == HEALTH_PASSED);
    v.streak = is_like_last ? v.streak + (v.streak < UINT32_MAX) : 1;
    v.last = *report;
    v.state = next_state(&v, passed, rise, fall);
    counter_add(passed ? &h->passed : &h->failed, 1);
    if (v.state != before)
        counter_set(&h->since_ms, wall_ms);
    counter_set(&h->verdict, pack(&v));
    return v.state != before;
}

void peer_health_forget(struct peer_health *h)
{
    if (counter_read(&h->verdict) == 0)
        return;
    counter_set(&h->verdict, 0);
    counter_set(&h->since_ms, 0);
}

const char *health_state_name(enum health_state state)
{
    static const char *const names[] = {
        [HEALTH_UNPROBED] = "unprobed", [HEALTH_UP] = "up", [HEALTH_DOWN] = "down"
    };
    return names[state];
}

const char *health_report_text(const struct health_report *report, char out[HEALTH_TEXT_BYTES])
{
    static const char *const texts[HEALTH_RESULTS] = {
        [HEALTH_PASSED] = "passed",
        [HEALTH_CONNECT] = "could not be connected to",
        [HEALTH_TLS] = "failed the TLS handshake",
        [HEALTH_TIMEOUT] = "did not answer in time",
        [HEALTH_CLOSED] = "broke off before the answer's end",
        [HEALTH_INVALID] = "did not answer in HTTP/1.1",
        [HEALTH_STATUS] = "answered",
        [HEALTH_CONTENT] = "answered without the expected text",
    };
    if (report->result == HEALTH_STATUS)
        snprintf(out, HEALTH_TEXT_BYTES, "%s %u", texts[HEALTH_STATUS], report->status);
    else
        snprintf(out, HEALTH_TEXT_BYTES, "%s", texts[report->result]);
    return out;
}
