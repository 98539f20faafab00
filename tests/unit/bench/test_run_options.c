#include "bench/run/run_options.h"

#include "common/slice.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define PARSE(o, e, ...)                                                                           \
    parse(o, e, (char *[]){ "run", __VA_ARGS__, NULL },                                            \
          (int)ARRAY_LEN(((char *[]){ "run", __VA_ARGS__ })))

static int parse(struct run_options *o, struct err *e, char **argv, int argc)
{
    e->text[0] = '\0';
    return run_options_parse(o, argc, argv, e);
}

static void a_scenario_is_all_it_needs(void **state)
{
    struct run_options o;
    struct err e;
    (void)state;
    assert_int_equal(PARSE(&o, &e, "hold"), 0);
    assert_string_equal(o.scenario, "hold");
    assert_true(o.scale == 1 && o.users_scale == 1);
    assert_int_equal(o.target.sin_family, 0);
    assert_false(o.plain_output);
}

static void takes_options_in_any_order_and_form(void **state)
{
    struct run_options o;
    struct err e;
    (void)state;
    assert_int_equal(PARSE(&o, &e, "--scale=0.5", "--plain-output", "soak", "--users-scale", "2",
                           "--seed=7", "--generators", "3", "--output=x", "--target",
                           "localhost:8443", "--admin=127.0.0.1:9100"),
                     0);
    assert_string_equal(o.scenario, "soak");
    assert_true(o.scale == 0.5 && o.users_scale == 2);
    assert_true(o.plain_output && o.has_seed && o.seed == 7 && o.generators == 3);
    assert_string_equal(o.target_text, "127.0.0.1:8443");
    assert_string_equal(o.target_name, "localhost");
    assert_int_equal(ntohs(o.admin.sin_port), 9100);
}

static void help_needs_no_scenario(void **state)
{
    struct run_options o;
    struct err e;
    (void)state;
    assert_int_equal(PARSE(&o, &e, "--help"), 0);
    assert_true(o.wants_help);
}

static void assert_refused(char *word, const char *because)
{
    struct run_options o;
    struct err e;
    assert_true(PARSE(&o, &e, "hold", word) < 0);
    assert_non_null(strstr(e.text, because));
}

static void refuses_what_it_cannot_use(void **state)
{
    struct run_options o;
    struct err e;
    (void)state;
    assert_refused("surge", "one scenario at a time");
    assert_refused("--scale=0", "above 0");
    assert_refused("--scale=x", "\"x\" is not a factor");
    assert_refused("--users-scale", "needs a value");
    assert_refused("--seed=-1", "not a whole number");
    assert_refused("--generators=16", "from 1 to 15");
    assert_refused("--target=8443", "not HOST:PORT");
    assert_refused("--target=127.0.0.1:0", "not HOST:PORT");
    assert_refused("--admin=127.0.0.1:1", "go with --target");
    assert_refused("--journal=x", "go with --target");
    assert_refused("--node=127.0.0.1:1", "go with --target");
    assert_refused("--fast", "there is no option \"--fast\"");
    assert_true(PARSE(&o, &e, "--plain-output") < 0);
    assert_non_null(strstr(e.text, "which scenario"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scenario_is_all_it_needs),
        cmocka_unit_test(takes_options_in_any_order_and_form),
        cmocka_unit_test(help_needs_no_scenario),
        cmocka_unit_test(refuses_what_it_cannot_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
