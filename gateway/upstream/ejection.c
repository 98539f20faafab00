#include "upstream/ejection.h"

#include "common/log.h"

/* Others are preferred for so long after a failure, or for what Retry-After says. */
#define AVOID_MS 5000
#define AVOID_MAX_MS 60000

#define WINDOW_MS 10000
#define WINDOW_REQUESTS_MIN 20

#define TRIAL_GAP_MS 1000
#define TRIALS_MAX 3
/* How long a trial waits for a request that may fail. */
#define TRIAL_PATIENCE_MS 5000

/* Who has been well for so long begins anew when it is ejected again. */
#define PAST_MS 60000

/* A loop that was held up for so long sees timeouts that may be its own fault. */
#define LATE_MS 100

/* ---- the last seconds ---- */

/* 24 bits tell which window of WINDOW_MS it is, 20 each how many requests and failures. */
#define WINDOW_COUNT_MAX ((1u << 20) - 1)

struct window {
    uint32_t number, requests, failures;
};

static struct window window_now(const struct peer_state *s, uint64_t now_ms)
{
    uint64_t word = counter_read(&s->window);
    uint32_t number = (uint32_t)(now_ms / WINDOW_MS) & 0xffffff;
    if (word >> 40 != number)
        return (struct window){ .number = number };
    return (struct window){ number, word >> 20 & WINDOW_COUNT_MAX, word & WINDOW_COUNT_MAX };
}

static struct window count(struct peer_state *s, bool failure, uint64_t now_ms)
{
    struct window w = window_now(s, now_ms);
    if (w.requests < WINDOW_COUNT_MAX) {
        w.requests++;
        w.failures += failure;
    }
    counter_set(&s->window, (uint64_t)w.number << 40 | (uint64_t)w.requests << 20 | w.failures);
    return w;
}

/* ---- trials ---- */

static uint64_t jittered(struct peer *p, uint64_t ms)
{
    uint32_t fifth = (uint32_t)(ms / 5);
    return ms - fifth + random_below(&p->set->loop->random, 2 * fifth + 1);
}

static uint64_t wait_ms(const struct balancer *b, struct peer *p, uint32_t times)
{
    const struct config_ejection *c = &b->config->ejection;
    return jittered(p, MIN((uint64_t)c->time_ms * times, c->max_time_ms));
}

bool ejection_takes_trial(const struct balancer *b, struct peer *p, bool may_fail)
{
    struct peer_state *s = p->state;
    uint64_t now_ms = peer_now_ms(p), due_ms = counter_read(&s->trial_ms);
    if (now_ms < due_ms + (may_fail ? 0 : TRIAL_PATIENCE_MS))
        return false;
    uint32_t times = peer_ejection_of(counter_read(&s->ejection)).times;
    return peer_word_exchange(&s->trial_ms, due_ms, now_ms + wait_ms(b, p, times));
}

/* Once more the same worker may not have noticed: the state has to be as it was. */
static void trial_succeeded(struct balancer *b, struct peer *p, uint64_t word, uint64_t now_ms)
{
    struct peer_state *s = p->state;
    struct peer_ejection e = peer_ejection_of(word);
    e.trials++;
    if (e.trials < MIN(e.times, TRIALS_MAX)) {
        if (peer_word_exchange(&s->ejection, word, peer_ejection_word(e)))
            counter_set(&s->trial_ms, now_ms + TRIAL_GAP_MS);
        return;
    }
    unsigned long long seconds = (now_ms - e.since_ms) / 1000;
    e.since_ms = e.trials = 0;
    counter_set(&s->returned_ms, now_ms);
    if (!peer_word_exchange(&s->ejection, word, peer_ejection_word(e)))
        return;
    counter_set(&s->failures, 0);
    counter_set(&s->avoid_until_ms, 0);
    counter_set(&s->latency, 0);
    balancer_forget(b);
    log_write(LOG_INFO, "peer %s is back after %llu s", p->name, seconds);
}

static void trial_failed(struct balancer *b, struct peer *p, uint64_t word, uint64_t now_ms)
{
    struct peer_state *s = p->state;
    struct peer_ejection e = peer_ejection_of(word);
    e.times = MIN(e.times + 1, 255);
    e.trials = 0;
    if (peer_word_exchange(&s->ejection, word, peer_ejection_word(e)))
        counter_set(&s->trial_ms, now_ms + wait_ms(b, p, e.times));
}

/* ---- ejection ---- */

/* The last one alone where a backup takes its place. */
static bool may_be_ejected(const struct balancer *b, size_t already)
{
    size_t peers = balancer_count_primaries(b);
    return b->count > 1 && already < MAX(1, peers * b->config->ejection.max_share / 100);
}

static const char *why(const struct config_ejection *c, uint64_t failures, struct window w)
{
    if (c->failures && failures >= c->failures)
        return "it has failed too often in a row";
    if (c->rate && w.requests >= WINDOW_REQUESTS_MIN && w.failures * 100ull >= w.requests * c->rate)
        return "too many of its answers failed";
    return NULL;
}

static void eject(struct balancer *b, struct peer *p, uint64_t word, const char *reason)
{
    struct peer_state *s = p->state;
    uint64_t now_ms = peer_now_ms(p);
    bool well = now_ms >= counter_read(&s->returned_ms) + PAST_MS;
    struct peer_ejection e = { .since_ms = now_ms,
                               .times = well ? 1 : peer_ejection_of(word).times + 1 };
    uint64_t ejected = peer_ejection_word(e), wait = wait_ms(b, p, e.times);
    if (!may_be_ejected(b, balancer_count_ejected(b)))
        return;
    counter_set(&s->trial_ms, now_ms + wait);
    if (!peer_word_exchange(&s->ejection, word, ejected))
        return;
    /* Another worker may have ejected another peer in the same moment. */
    if (!may_be_ejected(b, balancer_count_ejected(b) - 1)) {
        peer_word_exchange(&s->ejection, ejected, word);
        return;
    }
    counter_set(&s->failures, 0);
    counter_set(&s->window, 0);
    balancer_forget(b);
    log_write(LOG_WARN, "peer %s gets trials alone: %s; the first one in %llu ms", p->name, reason,
              (unsigned long long)wait);
}

/* ---- what became of requests ---- */

/* What began before tells nothing about now. */
static bool is_trial(struct peer_ejection e, uint64_t began_us)
{
    return began_us / 1000 >= e.since_ms;
}

void ejection_note_success(struct balancer *b, struct peer *p, uint64_t began_us)
{
    struct peer_state *s = p->state;
    uint64_t word = counter_read(&s->ejection), now_ms = peer_now_ms(p);
    struct peer_ejection e = peer_ejection_of(word);
    if (e.since_ms) {
        if (is_trial(e, began_us))
            trial_succeeded(b, p, word, now_ms);
        return;
    }
    count(s, false, now_ms);
    if (counter_read(&s->failures))
        counter_set(&s->failures, 0);
}

void ejection_note_failure(struct balancer *b, struct peer *p, uint64_t began_us, uint64_t avoid_ms)
{
    struct peer_state *s = p->state;
    uint64_t word = counter_read(&s->ejection), now_ms = peer_now_ms(p);
    struct peer_ejection e = peer_ejection_of(word);
    if (e.since_ms) {
        if (is_trial(e, began_us))
            trial_failed(b, p, word, now_ms);
        return;
    }
    if (began_us / 1000 < counter_read(&s->returned_ms))
        return;
    counter_set(&s->avoid_until_ms, now_ms + MIN(MAX(avoid_ms, AVOID_MS), AVOID_MAX_MS));
    struct window w = count(s, true, now_ms);
    uint64_t failures = atomic_fetch_add_explicit(&s->failures, 1, memory_order_relaxed) + 1;
    balancer_forget(b);
    const char *reason = why(&b->config->ejection, failures, w);
    if (reason)
        eject(b, p, word, reason);
}

bool ejection_is_late(const struct peer *p)
{
    const struct peer_set *set = p->set;
    return set->loop->timers.late_ms >= LATE_MS ||
           metrics_gauge(board_metrics(set->board, set->slot), GAUGE_PRESSURE_TIME) > 0;
}
