#include "bench/report/html.h"
#include "fakes/fake_result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct fake_result small = {
    .hold_s = 60, .users = 1000, .requests_per_s = 100, .slowness = 1, .seed = 1
};

static void write_page(const struct result *r, struct buf *out)
{
    buf_init(out, 64U << 20);
    html_write(r, out);
    buf_append_char(out, '\0');
    assert_true(buf_ok(out));
}

static void assert_has(const struct buf *page, const char *text)
{
    if (!strstr(page->data, text))
        fail_msg("the page lacks: %s", text);
}

static void assert_lacks(const struct buf *page, const char *text)
{
    if (strstr(page->data, text))
        fail_msg("the page has: %s", text);
}

static void two_hours_fit_into_a_megabyte(void **state)
{
    const struct fake_result two_hours = { .hold_s = 7200,
                                           .users = 120000,
                                           .requests_per_s = 150,
                                           .slowness = 1,
                                           .procedures = 2000,
                                           .seed = 1 };
    struct buf page;
    (void)state;
    struct result *r = fake_result_new(&two_hours);
    static char long_text[3000000];
    memset(long_text, '"', sizeof(long_text) - 1);
    r->scenario_text = r->gateway_config = long_text;
    write_page(r, &page);
    assert_in_range(page.len, 100000, HTML_MAX_BYTES);
    assert_has(&page, "result.json holds all of it");
    result_free(&r);
    buf_fini(&page);
}

static void nothing_is_fetched_and_nothing_runs(void **state)
{
    struct buf page;
    (void)state;
    struct result *r = fake_result_new(&small);
    write_page(r, &page);
    assert_lacks(&page, "<script");
    assert_lacks(&page, "<link");
    assert_lacks(&page, "url(");
    assert_lacks(&page, "@import");
    assert_lacks(&page, "://");
    assert_has(&page, "prefers-color-scheme:dark");
    assert_has(&page, "@media print");
    result_free(&r);
    buf_fini(&page);
}

static void foreign_text_is_escaped(void **state)
{
    static struct scenario scenario;
    struct buf page;
    (void)state;
    struct result *r = fake_result_new(&small);
    scenario = *r->scenario;
    scenario.name = "<script>&";
    scenario.phases[0].name = "\"onload=\"";
    r->scenario = &scenario;
    r->reason = "<i>";
    r->facts[0].value = "<u>";
    r->marks[0].text = "<s>";
    r->outcomes[0].text = "<q>";
    write_page(r, &page);
    const char *const forbidden[] = { "<script", "\"onload", "<i>", "<u>", "<s>", "<q>", "<b>not" };
    for (size_t i = 0; i < ARRAY_LEN(forbidden); i++)
        assert_lacks(&page, forbidden[i]);
    assert_has(&page, "&lt;script&gt;&amp;");
    assert_has(&page, "&quot;onload=&quot;");
    result_free(&r);
    buf_fini(&page);
}

static void all_that_was_seen_is_shown(void **state)
{
    struct fake_result with_procedures = small;
    struct buf page;
    (void)state;
    with_procedures.procedures = 50;
    struct result *r = fake_result_new(&with_procedures);
    r->trial_count = 1;
    r->trials[0] = (struct result_trial){ 90000, 3000, 80000, RESULT_FAIL };
    r->attacks[2].kinds[ATTACK_RESET_FLOOD].begun = 7;
    write_page(r, &page);
    const char *const parts[] = { "Criteria",
                                  "Timeline",
                                  "node 3 killed",
                                  "Heat map",
                                  "Latency",
                                  "Memory per user",
                                  "Errors by",
                                  "Kinds of",
                                  "journals",
                                  "Search for",
                                  "Procedures",
                                  "Environment",
                                  ">Scenario",
                                  "Configuration of",
                                  "generator 7",
                                  "probe 8",
                                  "What became of the attackers",
                                  "reset_flood",
                                  "told GOAWAY" };
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        assert_has(&page, parts[i]);
    result_free(&r);
    buf_fini(&page);
}

static void what_was_not_measured_is_left_out(void **state)
{
    struct buf page;
    (void)state;
    struct result *r = fake_result_new(&small);
    r->ledger.kept = false;
    write_page(r, &page);
    assert_lacks(&page, "Procedures");
    assert_lacks(&page, "Search for");
    assert_lacks(&page, "attackers");
    assert_lacks(&page, "journals");
    result_free(&r);
    buf_fini(&page);
}

static void a_run_that_ended_at_once_has_a_page(void **state)
{
    struct buf page;
    (void)state;
    struct result *of = fake_result_new(&small);
    struct result *r = result_new(of->scenario, 0);
    r->verdict = RESULT_INVALID;
    r->interrupted = true;
    write_page(r, &page);
    assert_has(&page, "INVALID");
    assert_has(&page, "interrupted");
    assert_has(&page, "No judged phase was reached");
    assert_lacks(&page, "nan");
    result_free(&r);
    result_free(&of);
    buf_fini(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_hours_fit_into_a_megabyte),
        cmocka_unit_test(nothing_is_fetched_and_nothing_runs),
        cmocka_unit_test(foreign_text_is_escaped),
        cmocka_unit_test(all_that_was_seen_is_shown),
        cmocka_unit_test(what_was_not_measured_is_left_out),
        cmocka_unit_test(a_run_that_ended_at_once_has_a_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
