#include "upstream/retry_budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static unsigned take_all(struct retry_budget *b, uint64_t second, uint32_t reserve)
{
    unsigned count = 0;
    while (retry_budget_take(b, second, reserve))
        count++;
    return count;
}

static void a_tenth_of_the_requests_may_be_sent_again(void **state)
{
    (void)state;
    struct retry_budget b = { 0 };
    for (unsigned i = 0; i < 1000; i++)
        retry_budget_deposit(&b, 100 + i / 250);
    assert_int_equal(take_all(&b, 103, 0), 100);
    assert_int_equal(take_all(&b, 103, 10), 10);
}

static void the_seldom_used_have_a_few(void **state)
{
    (void)state;
    struct retry_budget b = { 0 };
    assert_int_equal(take_all(&b, 5000, 10), 10);
    assert_int_equal(take_all(&b, 5009, 10), 0);
    assert_int_equal(take_all(&b, 5010, 10), 10);
}

static void what_is_ten_seconds_old_counts_no_more(void **state)
{
    (void)state;
    struct retry_budget b = { 0 };
    for (unsigned i = 0; i < 100; i++)
        retry_budget_deposit(&b, 100);
    for (unsigned i = 0; i < 50; i++)
        retry_budget_deposit(&b, 105);
    assert_int_equal(take_all(&b, 109, 0), 15);
    assert_int_equal(take_all(&b, 112, 0), 0); /* 5 from then on, and 15 were used */
    assert_int_equal(take_all(&b, 130, 0), 0);
    retry_budget_deposit(&b, 1000000);
    assert_int_equal(take_all(&b, 1000000, 1), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tenth_of_the_requests_may_be_sent_again),
        cmocka_unit_test(the_seldom_used_have_a_few),
        cmocka_unit_test(what_is_ten_seconds_old_counts_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
