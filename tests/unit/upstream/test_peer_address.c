#include "upstream/peer_address.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct config_address named = { .text = "nut.vn:8080",
                                             .host = "nut.vn",
                                             .port = 8080 };

static struct peer_ip ip_of(const char *text)
{
    struct peer_ip ip = { .is_v6 = strchr(text, ':') != NULL };
    assert_int_equal(inet_pton(ip.is_v6 ? AF_INET6 : AF_INET, text, ip.bytes), 1);
    return ip;
}

static bool set(struct peer_addresses *found, const char *a, const char *b)
{
    struct peer_ip ips[2] = { ip_of(a), ip_of(b ? b : a) };
    return peer_addresses_set(found, ips, b ? 2 : 1, 1000);
}

/* It has a name, which leads to 10.0.0.1. */
static void begin(struct peer_address *a, struct peer_addresses *found)
{
    peer_address_apply(a, &named, found);
    set(found, "10.0.0.1", NULL);
    peer_address_refresh(a);
}

/* "127.0.0.1:80" of the next one. */
static const char *next(struct peer_address *a)
{
    static char text[INET6_ADDRSTRLEN + 8];
    const struct sockaddr *address = peer_address_next(a);
    if (!address)
        return "nowhere";
    char ip[INET6_ADDRSTRLEN];
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
    bool is_v6 = address->sa_family == AF_INET6;
    inet_ntop(address->sa_family, is_v6 ? (const void *)&v6->sin6_addr : &v4->sin_addr, ip,
              sizeof(ip));
    snprintf(text, sizeof(text), "%s:%u", ip, ntohs(is_v6 ? v6->sin6_port : v4->sin_port));
    return text;
}

static void an_address_is_used_as_it_is(void **state)
{
    (void)state;
    struct peer_address a = { 0 };
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(80) };
    struct config_address fixed = { .len = sizeof(v4) };
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memcpy(&fixed.sockaddr, &v4, sizeof(v4));
    peer_address_apply(&a, &fixed, NULL);
    assert_false(peer_address_refresh(&a));
    assert_string_equal(next(&a), "127.0.0.1:80");
    assert_string_equal(next(&a), "127.0.0.1:80");
}

static void addresses_of_a_name_take_turns(void **state)
{
    (void)state;
    struct peer_addresses found = { 0 };
    struct peer_address a = { 0 };
    peer_address_apply(&a, &named, &found);
    assert_false(peer_address_refresh(&a));
    assert_string_equal(next(&a), "nowhere");
    assert_true(set(&found, "10.0.0.1", "2001:db8::1"));
    assert_false(peer_address_refresh(&a)); /* they are the first */
    assert_string_equal(next(&a), "10.0.0.1:8080");
    assert_string_equal(next(&a), "2001:db8::1:8080");
    assert_string_equal(next(&a), "10.0.0.1:8080");
}

static void a_change_is_told_once(void **state)
{
    (void)state;
    struct peer_addresses found = { 0 };
    struct peer_address a = { 0 };
    begin(&a, &found);
    assert_false(set(&found, "10.0.0.1", NULL));
    assert_false(peer_address_refresh(&a));
    assert_true(set(&found, "10.0.0.2", NULL));
    assert_true(peer_address_refresh(&a));
    assert_false(peer_address_refresh(&a));
    assert_string_equal(next(&a), "10.0.0.2:8080");
}

static void a_failed_look_up_changes_no_address(void **state)
{
    (void)state;
    struct peer_addresses found = { 0 };
    struct peer_address a = { 0 };
    begin(&a, &found);
    peer_addresses_fail(&found, 12);
    assert_false(peer_address_refresh(&a));
    assert_string_equal(next(&a), "10.0.0.1:8080");
    assert_int_equal(found.attempts, 2);
    assert_int_equal(found.problem, 12);
    set(&found, "10.0.0.1", NULL);
    assert_int_equal(found.problem, 0);
}

static void what_is_being_written_is_read_the_next_time(void **state)
{
    (void)state;
    struct peer_addresses found = { 0 };
    struct peer_address a = { 0 };
    begin(&a, &found);
    found.turn++; /* its keeper was killed at this moment */
    assert_false(peer_address_refresh(&a));
    assert_string_equal(next(&a), "10.0.0.1:8080");
    assert_true(set(&found, "10.0.0.1", NULL)); /* the next one writes it all anew */
    assert_true(peer_address_refresh(&a));
    assert_string_equal(next(&a), "10.0.0.1:8080");
}

static void a_reload_keeps_what_was_found(void **state)
{
    (void)state;
    struct peer_addresses found = { 0 };
    struct peer_address a = { 0 };
    begin(&a, &found);
    peer_address_apply(&a, &named, &found);
    assert_string_equal(next(&a), "10.0.0.1:8080");
}

static void words_that_somebody_spoiled_stay_within_bounds(void **state)
{
    (void)state;
    struct peer_addresses found = { .turn = 2, .count = UINT32_MAX };
    struct peer_address a = { 0 };
    peer_address_apply(&a, &named, &found);
    peer_address_refresh(&a);
    assert_int_equal(a.count, PEER_ADDRESSES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_used_as_it_is),
        cmocka_unit_test(addresses_of_a_name_take_turns),
        cmocka_unit_test(a_change_is_told_once),
        cmocka_unit_test(a_failed_look_up_changes_no_address),
        cmocka_unit_test(what_is_being_written_is_read_the_next_time),
        cmocka_unit_test(a_reload_keeps_what_was_found),
        cmocka_unit_test(words_that_somebody_spoiled_stay_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
