#include "bench/measure/result_sums.h"
#include "bench/report/merge.h"
#include "bench/verdict/verdict.h"
#include "common/mem.h"
#include "fakes/fake_result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct result *make(uint32_t users, uint32_t hold_s)
{
    const struct fake_result f = {
        .hold_s = hold_s, .users = users, .requests_per_s = 200, .slowness = 1, .seed = users
    };
    return fake_result_new(&f);
}

static void histograms_and_counts_are_added(void **state)
{
    (void)state;
    struct result *a = make(1000, 60);
    struct result *b = make(500, 60);
    uint64_t count = a->phases[2].response[CLASS_READ].count;
    uint64_t sent = a->ledger.sent;
    count += b->phases[2].response[CLASS_READ].count;
    assert_int_equal(merge_result(a, b, "b", NULL), 0);
    assert_int_equal(a->phases[2].response[CLASS_READ].count, count);
    assert_int_equal(a->ledger.sent, sent + b->ledger.sent);
    assert_int_equal(a->seconds[250].users, 1500);
    assert_int_equal(a->scenario->phases[2].users_to, 1500);
    assert_int_equal(a->generator_count, 18);
    assert_int_equal(a->machines, 2);
    result_free(&a);
    result_free(&b);
}

static void a_quantile_is_that_of_all_values_and_no_mean_of_quantiles(void **state)
{
    (void)state;
    struct result *a = make(1000, 60);
    struct result *b = make(500, 60);
    struct hdr *all = mem_new(sizeof(*all));
    hdr_init(all);
    for (uint32_t i = 0; i < 5000; i++)
        hdr_record(&b->phases[2].response[CLASS_READ], 900000);
    hdr_merge(all, &a->phases[2].response[CLASS_READ]);
    hdr_merge(all, &b->phases[2].response[CLASS_READ]);
    assert_int_equal(merge_result(a, b, "b", NULL), 0);
    assert_int_equal(hdr_quantile(&a->phases[2].response[CLASS_READ], 0.9), hdr_quantile(all, 0.9));
    mem_free(all);
    result_free(&a);
    result_free(&b);
}

static void limits_on_users_grow_with_the_users(void **state)
{
    static struct scenario with_users[2];
    (void)state;
    struct result *r[2] = { make(1000, 60), make(500, 60) };
    for (int i = 0; i < 2; i++) {
        with_users[i] = *r[i]->scenario;
        with_users[i].criteria[0] = (struct scenario_criterion){
            "alive_min", -1, -1, GROUP_ANY, true, i == 0 ? 1000 : 500, "alive_min at least", 1
        };
        r[i]->scenario = &with_users[i];
    }
    assert_int_equal(merge_result(r[0], r[1], "b", NULL), 0);
    assert_true(r[0]->scenario->criteria[0].limit == 1500);
    assert_true(r[0]->scenario->criteria[1].limit == 250);
    verdict_judge(r[0]);
    assert_true(r[0]->outcomes[0].ok);
    result_free(&r[0]);
    result_free(&r[1]);
}

static void refuses_another_scenario(void **state)
{
    struct err e;
    (void)state;
    struct result *a = make(1000, 60);
    struct result *b = make(500, 61);
    assert_int_equal(merge_result(a, b, "b", &e), ERR_INVALID);
    assert_string_equal(e.text, "b ran the phase hold for another time than the first");
    result_free(&b);
    b = make(500, 60);
    b->scenario_text = "name: other";
    assert_int_equal(merge_result(a, b, "b", &e), ERR_INVALID);
    assert_int_equal(a->machines, 1);
    result_free(&a);
    result_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(histograms_and_counts_are_added),
        cmocka_unit_test(a_quantile_is_that_of_all_values_and_no_mean_of_quantiles),
        cmocka_unit_test(limits_on_users_grow_with_the_users),
        cmocka_unit_test(refuses_another_scenario),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
