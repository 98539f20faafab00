#include "bench/node/node_options.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define WORDS 8

/* The words behind "node"; the last ones may be NULL. */
static int parse(struct node_options *o, struct err *e, const char *words[WORDS])
{
    char *argv[WORDS + 2] = { "node" };
    int argc = 1;
    for (size_t i = 0; i < WORDS && words[i]; i++)
        argv[argc++] = (char *)words[i];
    return node_options_parse(o, argc, argv, e);
}

#define PARSE(o, e, ...) parse(o, e, (const char *[WORDS]){ __VA_ARGS__ })

static void has_defaults(void **state)
{
    (void)state;
    struct node_options o;
    struct err e;
    assert_int_equal(PARSE(&o, &e, "--listen", "127.0.0.1:9001"), 0);
    assert_int_equal(o.listen_count, 1);
    assert_string_equal(o.name, "node");
    assert_null(o.journal);
    assert_true(latency_is_zero(&o.latency));
    assert_int_equal(o.body_bytes, 1024);
    assert_int_equal(o.seed, 1);
    assert_false(o.wants_help);
}

static void listens_at_several_addresses(void **state)
{
    (void)state;
    struct node_options o;
    struct err e;
    assert_int_equal(PARSE(&o, &e, "--listen", "127.0.0.1:9001", "--listen=[::1]:0"), 0);
    assert_int_equal(o.listen_count, 2);
    assert_int_equal(o.listens[0].ss_family, AF_INET);
    assert_int_equal(ntohs(((struct sockaddr_in *)&o.listens[0])->sin_port), 9001);
    assert_int_equal(o.listens[1].ss_family, AF_INET6);
}

static void takes_values_in_both_forms(void **state)
{
    (void)state;
    struct node_options o;
    struct err e;
    assert_int_equal(PARSE(&o, &e, "--listen", "127.0.0.1:0", "--body=64KiB", "--error-rate",
                           "0.25", "--name=ha-noi.1", "--seed=7", "--unsent=64KiB"),
                     0);
    assert_int_equal(o.body_bytes, 65536);
    assert_true(o.error_rate > 0.24 && o.error_rate < 0.26);
    assert_string_equal(o.name, "ha-noi.1");
    assert_int_equal(o.seed, 7);
    assert_int_equal(o.unsent_bytes, 65536);
}

static void help_needs_nothing_else(void **state)
{
    (void)state;
    struct node_options o;
    struct err e;
    assert_int_equal(PARSE(&o, &e, "--help"), 0);
    assert_true(o.wants_help);
}

static void refuses_faulty_options_in_a_sentence(void **state)
{
    static const struct {
        const char *words[WORDS];
        const char *because;
    } cases[] = {
        { { NULL }, "--listen ADDR:PORT is needed" },
        { { "--listen", "9001" }, "is not an address and port" },
        { { "--listen", "127.0.0.1:99999" }, "is not an address and port" },
        { { "--listen", "localhost:9001" }, "\"localhost\" is not an IP address" },
        { { "--bogus=1" }, "there is no option \"--bogus=1\"" },
        { { "stray" }, "there is no option \"stray\"" },
        { { "--seed" }, "--seed needs a value" },
        { { "--seed", "-1" }, "is not a whole number" },
        { { "--body", "1kb" }, "--body: " },
        { { "--latency", "soon" }, "--latency: " },
        { { "--hang-rate", "2" }, "is not a share between 0 and 1" },
        { { "--unsent", "much" }, "--unsent: " },
        { { "--hang-rate", "nan" }, "is not a share between 0 and 1" },
        { { "--name", "a b" }, "--name: " },
        { { "--journal", "" }, "--journal needs" },
        { { "--listen=127.0.0.1:0", "--error-rate=0.6", "--reset-rate=0.6" }, "more than 1" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct node_options o;
        struct err e = { "" };
        assert_true(parse(&o, &e, (const char **)cases[i].words) < 0);
        if (!strstr(e.text, cases[i].because))
            fail_msg("\"%s\" does not say \"%s\"", e.text, cases[i].because);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_defaults),
        cmocka_unit_test(listens_at_several_addresses),
        cmocka_unit_test(takes_values_in_both_forms),
        cmocka_unit_test(help_needs_nothing_else),
        cmocka_unit_test(refuses_faulty_options_in_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
