#include "upstream/breaker.h"

#include <string.h>

static void forget_until(struct breaker *b, uint64_t second)
{
    uint64_t passed = MIN(second - b->second, BREAKER_WINDOW_SECONDS);
    for (uint64_t i = 0; i < passed; i++)
        memset(&b->seconds[(second - i) % BREAKER_WINDOW_SECONDS], 0, sizeof(b->seconds[0]));
    b->second = second;
}

static void add_up(struct breaker *b)
{
    b->window_answers = b->window_failures = 0;
    for (size_t i = 0; i < BREAKER_WINDOW_SECONDS; i++) {
        b->window_answers += b->seconds[i].answers;
        b->window_failures += b->seconds[i].failures;
    }
}

/* Nodes and upstreams that failed together are not tried together. */
static void open_for(struct breaker *b, uint32_t pause_ms, uint64_t now_ms, struct random *random)
{
    b->state = GATE_OPEN;
    b->pause_ms = MIN(pause_ms, BREAKER_PAUSE_MAX_MS);
    b->reopens_ms = now_ms + b->pause_ms + random_below(random, b->pause_ms / 5 + 1);
}

/* Until it ends somehow, and if it does not (its client may leave), with another one. */
static void try_again(struct breaker *b, uint64_t now_ms)
{
    b->state = GATE_HALF_OPEN;
    b->trial++;
    b->reopens_ms = now_ms + BREAKER_PAUSE_MS;
}

static void close_again(struct breaker *b)
{
    b->state = GATE_CLOSED;
    memset(b->seconds, 0, sizeof(b->seconds));
}

void breaker_look(struct breaker *b, uint64_t answers, uint64_t failures, uint64_t now_ms,
                  struct random *random)
{
    uint32_t answered = (uint32_t)(answers - b->answers);
    uint32_t failed = (uint32_t)(failures - b->failures);
    b->answers = answers;
    b->failures = failures;
    forget_until(b, now_ms / 1000);
    b->seconds[b->second % BREAKER_WINDOW_SECONDS].answers += answered;
    b->seconds[b->second % BREAKER_WINDOW_SECONDS].failures += failed;
    switch (b->state) {
    case GATE_CLOSED:
        add_up(b);
        if (b->window_failures >= BREAKER_FAILURES && b->window_failures >= b->window_answers)
            open_for(b, BREAKER_PAUSE_MS, now_ms, random);
        break;
    case GATE_OPEN: /* what still comes was sent before */
        if (answered && !failed)
            close_again(b);
        else if (now_ms >= b->reopens_ms)
            try_again(b, now_ms);
        break;
    case GATE_HALF_OPEN:
        if (failed)
            open_for(b, b->pause_ms * 2, now_ms, random);
        else if (answered)
            close_again(b);
        else if (now_ms >= b->reopens_ms)
            try_again(b, now_ms);
        break;
    }
}
