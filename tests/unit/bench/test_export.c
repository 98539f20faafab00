#include "bench/measure/result_sums.h"
#include "bench/report/export.h"
#include "bench/report/summary.h"
#include "common/mem.h"
#include "fakes/fake_result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

struct fixture {
    struct result *r;
    struct buf out;
};

static int make_fixture(void **state)
{
    const struct fake_result f = {
        .hold_s = 60, .users = 1000, .requests_per_s = 200, .slowness = 1, .seed = 3
    };
    struct fixture *x = mem_new(sizeof(*x));
    x->r = fake_result_new(&f);
    buf_init(&x->out, 1U << 20);
    *state = x;
    return 0;
}

static int free_fixture(void **state)
{
    struct fixture *x = *state;
    result_free(&x->r);
    buf_fini(&x->out);
    mem_free(x);
    return 0;
}

static void assert_has(struct fixture *x, const char *text)
{
    buf_append_char(&x->out, '\0');
    assert_true(buf_ok(&x->out));
    if (!strstr(x->out.data, text))
        fail_msg("lacks \"%s\":\n%s", text, x->out.data);
    x->out.len--;
}

static size_t count_of(const struct buf *text, char c)
{
    size_t count = 0;
    for (size_t i = 0; i < text->len; i++)
        count += text->data[i] == c;
    return count;
}

static void csv_has_one_full_row_a_second(void **state)
{
    struct fixture *x = *state;
    export_csv(x->r, &x->out);
    size_t rows = count_of(&x->out, '\n');
    assert_int_equal(rows, x->r->second_count + 1);
    size_t columns = slice_find(buf_slice(&x->out), '\n');
    struct buf head = { .data = x->out.data, .len = columns };
    assert_int_equal(count_of(&x->out, ','), rows * count_of(&head, ','));
    assert_has(x, "second,phase,users,alive,");
    assert_has(x, "\n240,settle,1000,1000,");
    assert_has(x, "\n359,hold,");
}

static void junit_has_a_case_for_each_criterion(void **state)
{
    struct fixture *x = *state;
    x->r->outcomes[1].ok = false;
    x->r->outcomes[1].text = "a < \"b\"";
    export_junit(x->r, &x->out);
    assert_has(x, "tests=\"8\" failures=\"1\" errors=\"0\"");
    assert_has(x, "name=\"a &lt; &quot;b&quot;\"><failure message=\"limit 250 ms, got ");
}

static void junit_reports_an_invalid_run_as_an_error(void **state)
{
    struct fixture *x = *state;
    x->r->verdict = RESULT_INVALID;
    x->r->reason = "the generator was the bottleneck";
    export_junit(x->r, &x->out);
    assert_has(x, "<error message=\"the generator was the bottleneck\"/>");
}

static void prometheus_has_metrics_and_whole_histograms(void **state)
{
    struct fixture *x = *state;
    uint64_t reads = x->r->phases[2].response[CLASS_READ].count;
    char expected[128];
    export_prometheus(x->r, &x->out);
    assert_has(x, "cong_bench_verdict{scenario=\"hold\"} ");
    assert_has(x, "# TYPE cong_bench_response_p99_ms gauge\ncong_bench_response_p99_ms{");
    assert_has(x, "cong_bench_alive_min{scenario=\"hold\"} 1000\n");
    assert_has(x, "criterion=\"lost at most 0\"} 1\n");
    snprintf(expected, sizeof(expected), "class=\"read\",le=\"+Inf\"} %u\n", (unsigned)reads);
    assert_has(x, expected);
}

static void percentiles_rise_to_the_largest_value(void **state)
{
    struct fixture *x = *state;
    struct hdr *h = mem_new(sizeof(*h));
    hdr_init(h);
    for (uint64_t us = 1000; us <= 100000; us += 1000)
        hdr_record(h, us);
    export_percentiles(h, &x->out);
    mem_free(h);
    assert_has(x, "       1.000 0.000000000000          1           1.00\n");
    assert_has(x, " 0.500000000000         50           2.00\n");
    assert_has(x, " 1.000000000000        100\n#[Mean    =       50.500, StdDeviation   =");
    assert_has(x, "Total count    =          100]");
}

static void the_last_line_says_it_all(void **state)
{
    struct fixture *x = *state;
    x->r->verdict = RESULT_PASS;
    summary_line(x->r, &x->out);
    assert_int_equal(count_of(&x->out, '\n'), 1);
    assert_has(x, "PASS hold users=1000 alive=1000 rps=");
    assert_has(x, " lost=0 doubled=0 ");
    assert_has(x, "KiB cpu_us=");
}

static void the_table_is_in_line_and_colourless_when_asked(void **state)
{
    struct fixture *x = *state;
    x->r->outcomes[0].ok = false;
    x->r->outcomes[2].measured = false;
    summary_write(x->r, false, &x->out);
    assert_has(x, "≤      25 ms     5.57 ms");
    assert_has(x, "  NO\n");
    assert_has(x, "unknown");
    assert_int_equal(count_of(&x->out, '\033'), 0);
    buf_clear(&x->out);
    summary_write(x->r, true, &x->out);
    assert_true(count_of(&x->out, '\033') > 0);
}

static void attackers_have_a_table_of_their_own(void **state)
{
    struct fixture *x = *state;
    struct results_attack *a = &x->r->attacks[2].kinds[ATTACK_SLOW_HEAD];
    *a = (struct results_attack){ .begun = 1200, .held_max_us = 10500000 };
    a->outcomes[ATTACK_STATUS_408] = 1150;
    a->outcomes[ATTACK_HANGING] = 50;
    summary_write(x->r, false, &x->out);
    assert_has(x, "attackers                    begun  refused  status_408  status_other  goaway  "
                  "closed  hanging  unable  longest stay       resets\n");
    assert_has(x, "slow_head   hold             1,200        –       1,150             – "
                  "      –       –       50       –        10.5 s            –\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(csv_has_one_full_row_a_second, make_fixture, free_fixture),
        cmocka_unit_test_setup_teardown(junit_has_a_case_for_each_criterion, make_fixture,
                                        free_fixture),
        cmocka_unit_test_setup_teardown(junit_reports_an_invalid_run_as_an_error, make_fixture,
                                        free_fixture),
        cmocka_unit_test_setup_teardown(prometheus_has_metrics_and_whole_histograms, make_fixture,
                                        free_fixture),
        cmocka_unit_test_setup_teardown(percentiles_rise_to_the_largest_value, make_fixture,
                                        free_fixture),
        cmocka_unit_test_setup_teardown(attackers_have_a_table_of_their_own, make_fixture,
                                        free_fixture),
        cmocka_unit_test_setup_teardown(the_last_line_says_it_all, make_fixture, free_fixture),
        cmocka_unit_test_setup_teardown(the_table_is_in_line_and_colourless_when_asked,
                                        make_fixture, free_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
