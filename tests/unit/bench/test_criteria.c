#include "bench/verdict/criteria.h"

#include "unit/bench/verdict_fixture.h"

static struct verdict_fixture f;

static int set_up(void **state)
{
    (void)state;
    fixture_init(&f);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    result_free(&f.r);
    return 0;
}

static void an_outcome_tells_value_limit_and_margin(void **state)
{
    (void)state;
    fixture_criterion(&f, "response_p99", CLASS_READ, -1, false, 250);
    fixture_criterion(&f, "error_percent", -1, -1, false, 0.05);
    fixture_criterion(&f, "alive_min", -1, HOLD, true, USERS - 1000);
    criteria_judge(f.r);
    const struct result_outcome *o = f.r->outcomes;
    assert_string_equal(o[0].unit, "ms");
    assert_near(o[0].value, 10.9, 0.05);
    assert_near(o[0].margin, 100 * (250 - 10.9) / 250, 0.1);
    assert_true(o[0].ok && o[0].measured && !isnan(o[0].low));
    assert_string_equal(o[1].unit, "%");
    assert_near(o[1].margin, 100, 1e-9);
    assert_string_equal(o[2].unit, "");
    assert_near(o[2].margin, 100 * 1000.0 / (USERS - 1000), 1e-9);
    assert_true(o[2].at_least);
}

static void a_missed_limit_has_a_negative_margin(void **state)
{
    (void)state;
    fixture_criterion(&f, "alive_min", -1, HOLD, true, USERS * 2);
    fixture_criterion(&f, "closes", -1, HOLD, false, 0);
    f.r->seconds[RAMP_S].closes = 1;
    criteria_judge(f.r);
    assert_false(f.r->outcomes[0].ok || f.r->outcomes[1].ok);
    assert_near(f.r->outcomes[0].margin, -50, 1e-9);
    assert_near(f.r->outcomes[1].margin, -100, 1e-9);
}

static void a_metric_of_another_version_is_not_known(void **state)
{
    (void)state;
    fixture_criterion(&f, "happiness", -1, -1, true, 1);
    criteria_judge(f.r);
    assert_false(f.r->outcomes[0].measured || f.r->outcomes[0].ok);
}

static void growth_is_not_judged_in_a_run_cut_too_short_for_it(void **state)
{
    (void)state;
    fixture_criterion(&f, "memory_growth", -1, -1, false, 0);
    fixture_criterion(&f, "closes", -1, HOLD, false, 0);
    f.s.scale = 0.1;
    for (uint32_t i = 0; i < f.r->second_count; i++)
        f.r->machine[i].gateway_rss += i * 1000;
    criteria_judge(f.r);
    assert_int_equal(f.r->outcome_count, 1);
    assert_true(f.r->outcomes[0].ok);
    assert_int_equal(f.r->finding_count, 1);
    assert_int_equal(f.r->findings[0].gravity, FINDING_NOTE);
    f.s.scale = 1;
    criteria_judge(f.r);
    assert_int_equal(f.r->outcome_count, 2);
    assert_false(f.r->outcomes[0].ok);
}

/* --- quantiles of few values ------------------------------------------------------------------ */

/* So many uploads, of which some took longer than the limit of 250 ms for p99. */
static const struct result_outcome *with_uploads(uint64_t count, uint64_t above)
{
    struct hdr *h = &f.r->phases[HOLD].response[CLASS_UPLOAD];
    fixture_criterion(&f, "response_p99", CLASS_UPLOAD, -1, false, 250);
    for (uint64_t i = 0; i < count; i++)
        hdr_record(h, i < above ? 300000 : 10000);
    criteria_judge(f.r);
    return &f.r->outcomes[0];
}

static void few_values_keep_a_limit_that_none_is_above(void **state)
{
    (void)state;
    const struct result_outcome *o = with_uploads(40, 0);
    assert_true(o->ok && o->measured);
    assert_true(isnan(o->value));
    assert_string_equal(o->text, "response_p99 (0 of 40 are above)");
}

static void few_values_keep_a_limit_that_surely_fewer_are_above(void **state)
{
    (void)state;
    const struct result_outcome *o = with_uploads(2000, 5); /* 20 would be allowed */
    assert_true(o->ok && o->measured);
}

static void few_values_miss_a_limit_that_surely_more_are_above(void **state)
{
    (void)state;
    const struct result_outcome *o = with_uploads(2000, 60);
    assert_true(!o->ok && o->measured);
}

static void few_values_that_may_be_chance_tell_nothing(void **state)
{
    (void)state;
    const struct result_outcome *o = with_uploads(2000, 22);
    assert_true(!o->ok && !o->measured);
}

static void a_single_value_above_tells_nothing(void **state)
{
    (void)state;
    const struct result_outcome *o = with_uploads(10, 1);
    assert_true(!o->ok && !o->measured);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_outcome_tells_value_limit_and_margin),
        TEST(a_missed_limit_has_a_negative_margin),
        TEST(a_metric_of_another_version_is_not_known),
        TEST(growth_is_not_judged_in_a_run_cut_too_short_for_it),
        TEST(few_values_keep_a_limit_that_none_is_above),
        TEST(few_values_keep_a_limit_that_surely_fewer_are_above),
        TEST(few_values_miss_a_limit_that_surely_more_are_above),
        TEST(few_values_that_may_be_chance_tell_nothing),
        TEST(a_single_value_above_tells_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
