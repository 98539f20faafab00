#include "bench/node/node_outage.h"
#include "bench/node/node_seen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define LISTENERS 3

static struct node_outages outages;

static int set_up(void **state)
{
    (void)state;
    outages = (struct node_outages){ .count = 0 };
    return 0;
}

static void order(const char *query)
{
    struct node_outage o;
    struct err e;
    assert_int_equal(node_outage_read(&o, slice_str(query), LISTENERS, &e), 0);
    assert_int_equal(node_outages_change(&outages, &o, &e), 0);
}

static const struct node_outage *find(uint32_t listener, const char *path)
{
    return node_outages_find(&outages, listener, slice_str(path));
}

static void strikes_its_own_address_alone(void **state)
{
    (void)state;
    order("kind=hang&listener=1");
    assert_null(find(0, "/"));
    assert_int_equal(find(1, "/any")->kind, NODE_OUTAGE_HANG);
    order("kind=none&listener=1");
    assert_null(find(1, "/any"));
}

static void the_longest_path_comes_first(void **state)
{
    (void)state;
    order("kind=slow&time=20s&listener=2");
    order("kind=slow&time=3s&path=/dan-cu/");
    assert_int_equal(find(2, "/")->time_ms, 20000);
    assert_int_equal(find(2, "/dan-cu/ho-so")->time_ms, 3000);
    assert_int_equal(find(0, "/dan-cu/ho-so")->time_ms, 3000);
    assert_null(find(0, "/dan-cu"));
}

static void an_order_takes_the_place_of_an_earlier_one(void **state)
{
    (void)state;
    order("kind=reset&listener=0");
    order("kind=slow&time=1s&listener=0");
    assert_int_equal(outages.count, 1);
    assert_int_equal(find(0, "/")->kind, NODE_OUTAGE_SLOW);
}

static void mending_everything_leaves_nothing(void **state)
{
    (void)state;
    order("kind=reset&listener=0");
    order("kind=flap&time=5s&listener=1");
    order("kind=slow&time=3s&path=/dan-cu/");
    order("kind=none&path=/dan-cu/");
    assert_int_equal(outages.count, 2);
    order("kind=none");
    assert_int_equal(outages.count, 0);
}

static void what_flaps_is_up_or_down_and_nothing_else(void **state)
{
    (void)state;
    order("kind=flap&time=5s&listener=1");
    assert_int_equal(node_outages_flap_ms(&outages, 1), 5000);
    assert_int_equal(node_outages_flap_ms(&outages, 0), 0);
    assert_null(find(1, "/"));
}

static void refuses_what_makes_no_sense(void **state)
{
    static const struct {
        const char *query, *because;
    } cases[] = {
        { "", "needs a kind" },
        { "kind=explode", "write hang, slow, reset, flap or none" },
        { "kind=hang&listener=3", "this node has 3, counted from 0" },
        { "kind=slow", "slow needs a time" },
        { "kind=slow&time=soon", "time: " },
        { "kind=slow&time=2h", "an hour at most" },
        { "kind=flap&time=5ms&listener=1", "100 ms at least" },
        { "kind=flap&time=5s", "what flaps is one listener" },
        { "kind=hang&path=", "path: 1 to" },
        { "kind=hang&until=noon", "an outage has a kind" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct node_outage o;
        struct err e = { "" };
        assert_true(node_outage_read(&o, slice_str(cases[i].query), LISTENERS, &e) < 0);
        if (!strstr(e.text, cases[i].because))
            fail_msg("\"%s\" does not say \"%s\"", e.text, cases[i].because);
    }
}

static void there_is_room_for_so_many(void **state)
{
    struct node_outage o = { .kind = NODE_OUTAGE_HANG };
    struct err e;
    (void)state;
    for (uint32_t i = 0; i < NODE_OUTAGES_MAX; i++) {
        snprintf(o.path, sizeof(o.path), "/%u", (unsigned)i);
        assert_int_equal(node_outages_change(&outages, &o, &e), 0);
    }
    assert_int_equal(node_outages_change(&outages, &o, &e), 0); /* as before */
    snprintf(o.path, sizeof(o.path), "/more");
    assert_true(node_outages_change(&outages, &o, &e) < 0);
}

static void knows_what_it_has_seen(void **state)
{
    struct node_seen seen = { NULL };
    (void)state;
    assert_false(node_seen_before(&seen, SLICE("a")));
    assert_false(node_seen_before(&seen, SLICE("b")));
    assert_true(node_seen_before(&seen, SLICE("a")));
    node_seen_fini(&seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(strikes_its_own_address_alone, set_up),
        cmocka_unit_test_setup(the_longest_path_comes_first, set_up),
        cmocka_unit_test_setup(an_order_takes_the_place_of_an_earlier_one, set_up),
        cmocka_unit_test_setup(mending_everything_leaves_nothing, set_up),
        cmocka_unit_test_setup(what_flaps_is_up_or_down_and_nothing_else, set_up),
        cmocka_unit_test_setup(refuses_what_makes_no_sense, set_up),
        cmocka_unit_test_setup(there_is_room_for_so_many, set_up),
        cmocka_unit_test(knows_what_it_has_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
