#include "load_fixture.h"

static struct load_fixture f;

static const struct config_submission *load_one(const char *submission)
{
    char yaml[1024];
    snprintf(yaml, sizeof(yaml), LISTENERS UPSTREAMS "routes: [ { upstream: portal%s%s } ]\n",
             submission ? ", submission: " : "", submission ? submission : "");
    return load_good(&f, yaml)->routes[0].submission;
}

static void routes_have_no_submissions_unless_told(void **state)
{
    (void)state;
    assert_null(load_one(NULL));
    load_fixture_fini(&f);
}

static void has_defaults_that_double_nothing(void **state)
{
    (void)state;
    const struct config_submission *s = load_one("{}");
    assert_int_equal(s->backend, CONFIG_SUBMISSION_NONE);
    assert_int_equal(s->key, CONFIG_SUBMISSION_HEADER);
    assert_true(s->required);
    assert_string_equal(s->field, "cong_key");
    assert_null(s->lookup.data);
    assert_int_equal(s->keep_ms, 24 * 3600 * 1000);
    assert_int_equal(s->keep_unknown_ms, 7 * 24 * 3600 * 1000);
    load_fixture_fini(&f);
}

static void reads_what_is_given(void **state)
{
    (void)state;
    const struct config_submission *s = load_one(
        "{ backend: lookup, key: form, required: false, field: khoa, lookup: /tra-cuu, keep: 1h }");
    assert_int_equal(s->backend, CONFIG_SUBMISSION_LOOKUP);
    assert_int_equal(s->key, CONFIG_SUBMISSION_FORM);
    assert_false(s->required);
    assert_string_equal(s->field, "khoa");
    assert_true(slice_eq(s->lookup, SLICE("/tra-cuu")));
    assert_int_equal(s->keep_ms, 3600 * 1000);
    load_fixture_fini(&f);
}

static void refuse(const char *submission, const char *problem)
{
    char yaml[1024];
    snprintf(yaml, sizeof(yaml),
             LISTENERS UPSTREAMS "routes: [ { upstream: portal, submission: %s } ]\n", submission);
    load_fixture_init(&f);
    load_fixture_load(&f, yaml);
    assert_null(f.config);
    buf_append_char(&f.d.text, '\0');
    if (!strstr(f.d.text.data, problem))
        fail_msg("%s does not say %s", f.d.text.data, problem);
    load_fixture_fini(&f);
}

static void refuses_what_contradicts_itself(void **state)
{
    (void)state;
    refuse("{ backend: lookup }", "routes[0].submission.backend: needs lookup");
    refuse("{ lookup: /x }", "routes[0].submission.lookup: has no effect unless");
    refuse("{ backend: lookup, lookup: x }", "routes[0].submission.lookup: ");
    refuse("{ keep: 8d }", "routes[0].submission.keep: keep_unknown is to be no shorter");
    refuse("{ keep: 2h, keep_unknown: 1h }", "routes[0].submission.keep_unknown: keep_unknown");
}

static void refuses_them_on_a_redirect(void **state)
{
    (void)state;
    load_fixture_init(&f);
    load_fixture_load(&f, LISTENERS "routes: [ { redirect: 'https://a.vn', submission: {} } ]\n");
    assert_null(f.config);
    load_fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes_have_no_submissions_unless_told),
        cmocka_unit_test(has_defaults_that_double_nothing),
        cmocka_unit_test(reads_what_is_given),
        cmocka_unit_test(refuses_what_contradicts_itself),
        cmocka_unit_test(refuses_them_on_a_redirect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
