#include "store/limit_lease.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define MS 1000000ull
#define SECOND (1000 * MS)

static const uint64_t begin_ns = 5000 * SECOND;

/* 1,000 a minute and two nodes: leases of up to 62, and 62 a minute for free. */
static const struct config_rate_limit thousand = { .limit = 1000,
                                                   .period_ms = 60000,
                                                   .burst = 1000 };

static unsigned take(const struct limit_lease *l, struct limit_record *r, uint64_t now,
                     enum limit_lease_verdict wanted, unsigned most)
{
    unsigned count = 0;
    while (count < most) {
        struct limit_record before = *r;
        if (limit_lease_take(l, r, now) != wanted) {
            *r = before;
            break;
        }
        count++;
    }
    return count;
}

static void who_asks_seldom_is_no_matter_for_redis(void **state)
{
    (void)state;
    struct limit_lease l = limit_lease_of(&thousand, 2);
    struct limit_record r = { 0 };
    struct limit_lease_ask ask;
    for (unsigned second = 0; second < 600; second += 2) { /* 30 a minute */
        uint64_t now = begin_ns + second * SECOND;
        assert_int_equal(limit_lease_take(&l, &r, now), LIMIT_LEASE_FREE);
        assert_false(limit_lease_ask(&l, &r, now, &ask));
    }
}

static void a_lease_is_asked_for_when_half_of_what_is_free_is_gone(void **state)
{
    (void)state;
    struct limit_lease l = limit_lease_of(&thousand, 2);
    struct limit_record r = { 0 };
    struct limit_lease_ask ask;
    assert_int_equal(take(&l, &r, begin_ns, LIMIT_LEASE_FREE, 30), 30);
    assert_false(limit_lease_ask(&l, &r, begin_ns, &ask));
    assert_int_equal(take(&l, &r, begin_ns, LIMIT_LEASE_FREE, 1), 1);
    assert_true(limit_lease_ask(&l, &r, begin_ns, &ask));
    assert_int_equal(ask.untold, 31);
    assert_int_equal(ask.want, 62);
    assert_false(limit_lease_ask(&l, &r, begin_ns, &ask)); /* it is on its way */
    limit_lease_granted(&l, &r, begin_ns, &ask, 62);
    assert_int_equal(take(&l, &r, begin_ns, LIMIT_LEASE_SPENT, 100), 62);
}

static void a_lease_is_renewed_when_half_of_it_is_spent(void **state)
{
    (void)state;
    struct limit_lease l = limit_lease_of(&thousand, 2);
    struct limit_record r = { 0 };
    struct limit_lease_ask ask = { .want = 62 };
    limit_lease_granted(&l, &r, begin_ns, &ask, 62);
    assert_int_equal(take(&l, &r, begin_ns, LIMIT_LEASE_SPENT, 30), 30);
    assert_false(limit_lease_ask(&l, &r, begin_ns, &ask));
    assert_int_equal(take(&l, &r, begin_ns, LIMIT_LEASE_SPENT, 1), 1);
    assert_true(limit_lease_ask(&l, &r, begin_ns, &ask));
    assert_int_equal(ask.want, 31); /* never more than one lease in hand */
    assert_int_equal(ask.untold, 0);
}

static void a_lease_is_as_large_as_its_use(void **state)
{
    (void)state;
    struct limit_lease l = limit_lease_of(&thousand, 2);
    struct limit_record r = { .lease_end_ns = UINT64_MAX, .lease = 1, .lease_full = 2, .used = 3 };
    struct limit_lease_ask ask;
    assert_true(limit_lease_ask(&l, &r, begin_ns, &ask));
    assert_int_equal(ask.want, 6);
}

static void a_lease_that_nobody_uses_is_lost(void **state)
{
    (void)state;
    struct limit_lease l = limit_lease_of(&thousand, 2);
    struct limit_record r = { 0 };
    struct limit_lease_ask ask = { .want = 5 };
    limit_lease_granted(&l, &r, begin_ns, &ask, 5);
    assert_int_equal(take(&l, &r, begin_ns + 14 * SECOND, LIMIT_LEASE_SPENT, 1), 1);
    assert_int_equal(take(&l, &r, begin_ns + 15 * SECOND, LIMIT_LEASE_SPENT, 1), 0);
}

static void what_redis_refused_is_refused_until_it_may_change(void **state)
{
    (void)state;
    struct limit_lease l = limit_lease_of(&thousand, 2);
    struct limit_record r = { .shared_tat_ns = begin_ns + l.whole.tolerance_ns,
                              .free_tat_ns = UINT64_MAX };
    struct limit_lease_ask ask;
    assert_int_equal(limit_lease_take(&l, &r, begin_ns), LIMIT_LEASE_REFUSED);
    assert_false(limit_lease_ask(&l, &r, begin_ns, &ask));
    uint64_t later = begin_ns + l.whole.interval_ns;
    assert_int_equal(limit_lease_take(&l, &r, later), LIMIT_LEASE_ASK);
    limit_lease_refused(&r, later);
    assert_int_equal(limit_lease_take(&l, &r, later + 599 * MS), LIMIT_LEASE_REFUSED);
    assert_int_equal(limit_lease_take(&l, &r, later + 600 * MS), LIMIT_LEASE_ASK);
}

static void a_question_without_an_answer_is_put_again(void **state)
{
    (void)state;
    struct limit_lease l = limit_lease_of(&thousand, 2);
    struct limit_record r = { 0 };
    struct limit_lease_ask ask;
    assert_int_equal(take(&l, &r, begin_ns, LIMIT_LEASE_FREE, 40), 40);
    assert_true(limit_lease_ask(&l, &r, begin_ns, &ask));
    limit_lease_failed(&r, &ask);
    assert_true(limit_lease_ask(&l, &r, begin_ns, &ask));
    assert_int_equal(ask.untold, 40);
    assert_false(limit_lease_ask(&l, &r, begin_ns + SECOND - 1, &ask)); /* nor a failure heard */
    assert_true(limit_lease_ask(&l, &r, begin_ns + SECOND, &ask));
}

static void what_is_given_back_can_be_used_again(void **state)
{
    (void)state;
    struct limit_lease l = limit_lease_of(&thousand, 2);
    struct limit_record r = { 0 };
    assert_int_equal(take(&l, &r, begin_ns, LIMIT_LEASE_FREE, 100), 62);
    limit_lease_return(&l, &r, LIMIT_LEASE_FREE, begin_ns);
    assert_int_equal(r.untold, 61);
    assert_int_equal(take(&l, &r, begin_ns, LIMIT_LEASE_FREE, 100), 1);
    limit_lease_return(&l, &r, LIMIT_LEASE_ASK, begin_ns);
    assert_int_equal(take(&l, &r, begin_ns, LIMIT_LEASE_SPENT, 100), 1);
}

static void small_limits_have_no_leases(void **state)
{
    (void)state;
    struct config_rate_limit five = { .limit = 5, .period_ms = 60000, .burst = 5 };
    struct limit_lease l = limit_lease_of(&five, 2);
    struct limit_record r = { 0 };
    struct limit_lease_ask ask;
    assert_int_equal(limit_lease_take(&l, &r, begin_ns), LIMIT_LEASE_ASK);
    assert_false(limit_lease_ask(&l, &r, begin_ns, &ask));
}

/* ---- nodes that share a Redis ---- */

#define NODES_MAX 10
#define PASSED_MAX 20000

struct node {
    struct limit_record record;
    struct limit_lease_ask ask;
    uint64_t answer_ns; /* when the answer comes; 0: nothing was asked */
};

static struct cluster {
    struct limit_lease lease;
    struct node nodes[NODES_MAX];
    uint32_t count;
    uint64_t tat; /* Redis's */
    uint64_t passed_ns[PASSED_MAX];
    unsigned requests, passed, asked;
} c;

static uint64_t roll(uint64_t sides)
{
    return ((uint64_t)random() << 31 | (uint64_t)random()) % sides;
}

static void answer_lease(struct node *n, uint64_t now)
{
    n->answer_ns = 0;
    if (roll(50) == 0) {
        limit_lease_failed(&n->record, &n->ask);
        return;
    }
    gcra_drain(&c.lease.whole, &c.tat, now, n->ask.untold);
    uint32_t granted = MIN(gcra_room(&c.lease.whole, c.tat, now), n->ask.want);
    gcra_drain(&c.lease.whole, &c.tat, now, granted);
    n->record.shared_tat_ns = c.tat;
    limit_lease_granted(&c.lease, &n->record, now, &n->ask, granted);
}

static bool ask_for_one(struct node *n, uint64_t now)
{
    c.asked++;
    bool granted = gcra_take(&c.lease.whole, &c.tat, now, 1);
    n->record.shared_tat_ns = c.tat;
    if (granted)
        n->record.used++;
    else
        limit_lease_refused(&n->record, now);
    return granted;
}

static void request(struct node *n, uint64_t now)
{
    if (n->answer_ns && now >= n->answer_ns)
        answer_lease(n, now);
    enum limit_lease_verdict verdict = limit_lease_take(&c.lease, &n->record, now);
    struct limit_lease_ask ask;
    if (limit_lease_ask(&c.lease, &n->record, now, &ask)) {
        n->ask = ask;
        n->answer_ns = now + roll(20 * MS);
        c.asked++;
    }
    if (verdict == LIMIT_LEASE_SPENT || verdict == LIMIT_LEASE_FREE ||
        (verdict == LIMIT_LEASE_ASK && ask_for_one(n, now)))
        c.passed_ns[c.passed++] = now;
}

/* The most that passed in any stretch of one period. */
static unsigned most_in_a_period(uint64_t period_ns)
{
    unsigned most = 0;
    for (unsigned first = 0, last = 0; last < c.passed; last++) {
        while (c.passed_ns[last] - c.passed_ns[first] >= period_ns)
            first++;
        most = MAX(most, last - first + 1);
    }
    return most;
}

/* All nodes together are asked for so much of what the limit allows, for five periods. */
static void run(const struct config_rate_limit *limit, uint32_t nodes, unsigned percent)
{
    memset(&c, 0, sizeof(c));
    c.lease = limit_lease_of(limit, nodes);
    c.count = nodes;
    uint64_t now = begin_ns, end = begin_ns + 5 * limit->period_ms * MS;
    for (; now < end; c.requests++) {
        now += roll(2 * c.lease.whole.interval_ns * 100 / percent);
        request(&c.nodes[roll(c.count)], now);
    }
}

/* Nor is anybody cheated: five periods and a burst pass, but for a tenth. */
static void check_overload(const struct config_rate_limit *limit, uint32_t nodes)
{
    run(limit, nodes, 400);
    unsigned most = most_in_a_period(limit->period_ms * MS);
    unsigned bound = limit->burst + limit->limit + 3 * MIN(limit->limit, limit->burst) / 8 + nodes;
    print_message("%u in %u s, burst %u, %u nodes: at most %u in a period (bound %u), %u in all, "
                  "Redis asked %u times\n",
                  limit->limit, limit->period_ms / 1000, limit->burst, nodes, most, bound, c.passed,
                  c.asked);
    assert_true(most <= bound);
    assert_true(c.passed >= (limit->burst + 5 * limit->limit) * 9 / 10);
}

static void together_nodes_keep_within_the_bound(void **state)
{
    (void)state;
    static const struct config_rate_limit limits[] = {
        { .limit = 1000, .period_ms = 60000, .burst = 1000 },
        { .limit = 1000, .period_ms = 60000, .burst = 100 },
        { .limit = 100, .period_ms = 1000, .burst = 200 },
        { .limit = 20, .period_ms = 60000, .burst = 5 },
    };
    static const uint32_t nodes[] = { 1, 2, 3, NODES_MAX };
    srandom(6);
    for (size_t i = 0; i < ARRAY_LEN(limits); i++)
        for (size_t k = 0; k < ARRAY_LEN(nodes); k++)
            check_overload(&limits[i], nodes[k]);
}

static void few_requests_are_a_matter_for_redis(void **state)
{
    (void)state;
    srandom(7);
    run(&thousand, 2, 60);
    assert_int_equal(c.passed, c.requests);
    print_message("%u requests, Redis asked %u times\n", c.requests, c.asked);
    assert_true(c.asked < c.requests / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_asks_seldom_is_no_matter_for_redis),
        cmocka_unit_test(a_lease_is_asked_for_when_half_of_what_is_free_is_gone),
        cmocka_unit_test(a_lease_is_renewed_when_half_of_it_is_spent),
        cmocka_unit_test(a_lease_is_as_large_as_its_use),
        cmocka_unit_test(a_lease_that_nobody_uses_is_lost),
        cmocka_unit_test(what_redis_refused_is_refused_until_it_may_change),
        cmocka_unit_test(a_question_without_an_answer_is_put_again),
        cmocka_unit_test(what_is_given_back_can_be_used_again),
        cmocka_unit_test(small_limits_have_no_leases),
        cmocka_unit_test(together_nodes_keep_within_the_bound),
        cmocka_unit_test(few_requests_are_a_matter_for_redis),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
