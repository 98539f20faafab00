#include "store/redis_setup.h"

#include "store/redis_breaker.h"
#include "store/redis_cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

/* CRC-16 of "123456789" is the specification's own example (0x31c3). */
static void keys_have_the_slots_of_the_specification(void **state)
{
    (void)state;
    assert_int_equal(redis_key_slot(SLICE("123456789")), 0x31c3 % REDIS_SLOTS);
    assert_int_equal(redis_key_slot(SLICE("foo")), 12182);
    assert_int_equal(redis_key_slot(SLICE("")), 0);
}

static void only_the_first_hash_tag_counts_and_only_when_it_is_not_empty(void **state)
{
    (void)state;
    assert_int_equal(redis_key_slot(SLICE("cong:{foo}:bar")), 12182);
    assert_int_equal(redis_key_slot(SLICE("{foo}{bar}")), 12182);
    assert_int_equal(redis_key_slot(SLICE("a}{foo}")), 12182);
    assert_int_not_equal(redis_key_slot(SLICE("{}foo")), 12182);
    assert_int_not_equal(redis_key_slot(SLICE("{foo")), 12182);
    assert_int_equal(redis_key_slot(SLICE("{{bar}}zap")), redis_key_slot(SLICE("{bar")));
}

static void redirections_are_read_and_nonsense_is_refused(void **state)
{
    (void)state;
    const uint8_t ip[4] = { 10, 0, 0, 1 };
    struct address said_by = address_ipv4(ip, 6379), target;
    uint16_t slot;
    char name[REDIS_NAME_BYTES];
    assert_true(redis_cluster_parse_redirection(SLICE("MOVED 3999 127.0.0.1:6381"), &said_by, &slot,
                                                &target));
    redis_address_name(&target, name);
    assert_int_equal(slot, 3999);
    assert_string_equal(name, "127.0.0.1:6381");
    assert_true(redis_cluster_parse_redirection(SLICE("ASK 1 :6381"), &said_by, &slot, &target));
    redis_address_name(&target, name);
    assert_string_equal(name, "10.0.0.1:6381");
    assert_true(redis_cluster_parse_redirection(SLICE("ASK 1 ::1:6381"), &said_by, &slot, &target));
    redis_address_name(&target, name);
    assert_string_equal(name, "[::1]:6381");
    static const struct slice bad[] = {
        SLICE("MOVED"),
        SLICE("MOVED "),
        SLICE("MOVED 1"),
        SLICE("MOVED 1 "),
        SLICE("MOVED 16384 127.0.0.1:1"),
        SLICE("MOVED -1 127.0.0.1:1"),
        SLICE("MOVED 1 127.0.0.1"),
        SLICE("MOVED 1 127.0.0.1:"),
        SLICE("MOVED 1 127.0.0.1:0"),
        SLICE("MOVED 1 127.0.0.1:65536"),
        SLICE("MOVED 1 redis.example:6379"),
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(redis_cluster_parse_redirection(bad[i], &said_by, &slot, &target));
}

static void five_timeouts_in_a_row_open_the_breaker(void **state)
{
    (void)state;
    struct redis_breaker b = { 0 };
    for (int i = 0; i < 4; i++)
        assert_false(redis_breaker_count(&b, 10000, true));
    assert_false(redis_breaker_count(&b, 10000, false));
    for (int i = 0; i < 4; i++)
        assert_false(redis_breaker_count(&b, (uint64_t)20000 + (uint64_t)i * 5000, true));
    assert_true(redis_breaker_count(&b, 90000, true));
}

static void half_of_the_calls_of_a_second_open_it_but_not_of_two_seconds(void **state)
{
    (void)state;
    struct redis_breaker b = { 0 };
    for (uint64_t i = 0; i < 20; i++) /* five in each second: too few to tell */
        assert_false(redis_breaker_count(&b, 10000 + i * 200, i % 2 == 0));
    redis_breaker_reset(&b);
    for (uint64_t i = 0; i < 9; i++)
        assert_false(redis_breaker_count(&b, 50000 + i, i % 2 == 0));
    assert_true(redis_breaker_count(&b, 50009, true));
}

static void a_third_of_failures_does_not_open_it(void **state)
{
    (void)state;
    struct redis_breaker b = { 0 };
    for (uint64_t i = 0; i < 3000; i++)
        assert_false(redis_breaker_count(&b, 10000 + i, i % 3 == 0 && i % 1000 > 2));
}

static void commands_are_formatted_as_the_protocol_wants(void **state)
{
    (void)state;
    const struct slice args[] = { SLICE("SET"), SLICE("a\0b"), { 0 } };
    size_t len;
    char *command = redis_format(args, ARRAY_LEN(args), &len);
    struct slice expected = SLICE("*3\r\n$3\r\nSET\r\n$3\r\na\0b\r\n$0\r\n\r\n");
    assert_true(slice_eq(slice_of(command, len), expected));
    free(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_have_the_slots_of_the_specification),
        cmocka_unit_test(only_the_first_hash_tag_counts_and_only_when_it_is_not_empty),
        cmocka_unit_test(redirections_are_read_and_nonsense_is_refused),
        cmocka_unit_test(five_timeouts_in_a_row_open_the_breaker),
        cmocka_unit_test(half_of_the_calls_of_a_second_open_it_but_not_of_two_seconds),
        cmocka_unit_test(a_third_of_failures_does_not_open_it),
        cmocka_unit_test(commands_are_formatted_as_the_protocol_wants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
