#include "config/config_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void expect_error(const char *text, const char *sentence)
{
    struct config_address address;
    struct err e = { "" };
    assert_int_equal(config_address_parse(slice_str(text), &address, &e), ERR_INVALID);
    assert_string_equal(e.text, sentence);
}

static void reads_ipv4_with_port(void **state)
{
    (void)state;
    struct config_address address;
    assert_int_equal(config_address_parse(SLICE("192.0.2.10:8443"), &address, NULL), 0);
    const struct sockaddr_in *v4 = (const void *)&address.sockaddr;
    assert_int_equal(address.len, sizeof(*v4));
    assert_int_equal(v4->sin_family, AF_INET);
    assert_int_equal(ntohs(v4->sin_port), 8443);
    assert_int_equal(ntohl(v4->sin_addr.s_addr), 0xc000020a);
}

static void reads_ipv6_in_brackets_with_port(void **state)
{
    (void)state;
    struct config_address address;
    assert_int_equal(config_address_parse(SLICE("[2001:db8::1]:65535"), &address, NULL), 0);
    const struct sockaddr_in6 *v6 = (const void *)&address.sockaddr;
    assert_int_equal(address.len, sizeof(*v6));
    assert_int_equal(v6->sin6_family, AF_INET6);
    assert_int_equal(ntohs(v6->sin6_port), 65535);
    assert_int_equal(v6->sin6_addr.s6_addr[0], 0x20);
    assert_int_equal(v6->sin6_addr.s6_addr[15], 1);
}

static void says_what_a_wrong_address_lacks(void **state)
{
    (void)state;
    expect_error("8443", "\"8443\" has no address; write 0.0.0.0:8443 or [::]:8443");
    expect_error("192.0.2.1", "\"192.0.2.1\" has no port; write 192.0.2.1:8443");
    expect_error("::1", "\"::1\" is IPv6 without brackets; write [2001:db8::1]:8443");
    expect_error("2001:db8::1:80",
                 "\"2001:db8::1:80\" is IPv6 without brackets; write [2001:db8::1]:8443");
    expect_error("portal.local:80",
                 "\"portal.local:80\" is not a numeric address and port; host names are not "
                 "looked up, write 192.0.2.10:8443 or [2001:db8::1]:8443");
}

static void rejects_ports_that_do_not_exist(void **state)
{
    (void)state;
    static const char *const wrong[] = { "127.0.0.1:",    "127.0.0.1:0", "127.0.0.1:65536",
                                         "127.0.0.1:080", "127.0.0.1:x", "127.0.0.1:-1",
                                         "[::1]",         "[::1]:",      "[::1]80",
                                         "[::1]:99999" };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct config_address address;
        struct err e = { "" };
        assert_int_equal(config_address_parse(slice_str(wrong[i]), &address, &e), ERR_INVALID);
        assert_non_null(strstr(e.text, "has no port from 1 to 65535"));
    }
}

static void rejects_what_is_no_address(void **state)
{
    (void)state;
    static const char *const wrong[] = { "",
                                         ":80",
                                         "[]:80",
                                         "[",
                                         "[:80",
                                         "*:80",
                                         "127.0.0.01:80",
                                         "127.1:80",
                                         "[::1%lo]:80",
                                         "256.0.0.1:80",
                                         "[127.0.0.1]:80" };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct config_address address;
        assert_int_equal(config_address_parse(slice_str(wrong[i]), &address, NULL), ERR_INVALID);
    }
    struct config_address address;
    assert_int_equal(config_address_parse(SLICE("127.0.0.1\0:80"), &address, NULL), ERR_INVALID);
}

static void compares_addresses_by_value(void **state)
{
    (void)state;
    struct config_address a, b, c;
    assert_int_equal(config_address_parse(SLICE("[::1]:80"), &a, NULL), 0);
    assert_int_equal(config_address_parse(SLICE("[0:0::1]:80"), &b, NULL), 0);
    assert_int_equal(config_address_parse(SLICE("[::1]:81"), &c, NULL), 0);
    assert_true(config_address_equal(&a, &b));
    assert_false(config_address_equal(&a, &c));
}

static void reads_networks(void **state)
{
    (void)state;
    struct config_network n;
    assert_int_equal(config_network_parse(SLICE("10.0.0.0/8"), &n, NULL), 0);
    assert_int_equal(n.family, AF_INET);
    assert_int_equal(n.address[0], 10);
    assert_int_equal(n.prefix_bits, 8);
    assert_int_equal(config_network_parse(SLICE("2001:db8::/32"), &n, NULL), 0);
    assert_int_equal(n.family, AF_INET6);
    assert_int_equal(n.prefix_bits, 32);
    assert_int_equal(config_network_parse(SLICE("192.0.2.1"), &n, NULL), 0);
    assert_int_equal(n.prefix_bits, 32);
    assert_int_equal(config_network_parse(SLICE("::1"), &n, NULL), 0);
    assert_int_equal(n.prefix_bits, 128);
    assert_int_equal(config_network_parse(SLICE("0.0.0.0/0"), &n, NULL), 0);
    assert_int_equal(n.prefix_bits, 0);
}

static void rejects_networks_with_a_slip(void **state)
{
    (void)state;
    struct config_network n;
    struct err e;
    assert_int_equal(config_network_parse(SLICE("10.0.0.5/8"), &n, &e), ERR_INVALID);
    assert_string_equal(e.text, "\"10.0.0.5/8\" has bits outside its /8 prefix");
    assert_int_equal(config_network_parse(SLICE("10.0.0.0/33"), &n, &e), ERR_INVALID);
    assert_string_equal(e.text,
                        "\"10.0.0.0/33\" needs a prefix length from 0 to 32 after the slash");
    assert_int_equal(config_network_parse(SLICE("10.0.0.0/"), &n, &e), ERR_INVALID);
    assert_int_equal(config_network_parse(SLICE("localhost"), &n, &e), ERR_INVALID);
    assert_string_equal(e.text, "\"localhost\" is not a network; write 10.0.0.0/8, 2001:db8::/32 "
                                "or one address");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_ipv4_with_port),
        cmocka_unit_test(reads_ipv6_in_brackets_with_port),
        cmocka_unit_test(says_what_a_wrong_address_lacks),
        cmocka_unit_test(rejects_ports_that_do_not_exist),
        cmocka_unit_test(rejects_what_is_no_address),
        cmocka_unit_test(compares_addresses_by_value),
        cmocka_unit_test(reads_networks),
        cmocka_unit_test(rejects_networks_with_a_slip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
