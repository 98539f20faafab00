#include "net/address.h"

#include "common/random.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct address parsed(const char *text)
{
    struct address a;
    assert_true(address_parse(&a, slice_str(text)));
    return a;
}

static void assert_formats(const char *text, const char *expected)
{
    char out[ADDRESS_TEXT_BYTES];
    struct address a = parsed(text);
    assert_int_equal(address_format(&a, out), strlen(expected));
    assert_string_equal(out, expected);
}

static struct config_network network(const char *text, uint8_t prefix_bits)
{
    struct config_network n = { .prefix_bits = prefix_bits };
    n.family = strchr(text, ':') ? AF_INET6 : AF_INET;
    assert_int_equal(inet_pton(n.family, text, n.address), 1);
    return n;
}

static void formats_ipv4(void **state)
{
    (void)state;
    assert_formats("0.0.0.0", "0.0.0.0");
    assert_formats("1.20.100.9", "1.20.100.9");
    assert_formats("10.101.110.109", "10.101.110.109");
    assert_formats("255.255.255.255", "255.255.255.255");
}

static void formats_ipv6_as_rfc_5952_says(void **state)
{
    (void)state;
    assert_formats("::", "::");
    assert_formats("::1", "::1");
    assert_formats("1::", "1::");
    assert_formats("2001:DB8:0:0:0:0:0:1", "2001:db8::1");
    assert_formats("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1");
    assert_formats("2001:0:0:1:0:0:0:1", "2001:0:0:1::1");
    assert_formats("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1");
    assert_formats("1:2:3:4:5:6:0:0", "1:2:3:4:5:6::");
    assert_formats("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe",
                   "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe");
}

static void formats_like_inet_ntop(void **state)
{
    struct random r = { .s = { 1, 2, 3, 4 } };
    char ours[ADDRESS_TEXT_BYTES], theirs[ADDRESS_TEXT_BYTES];
    (void)state;
    for (int round = 0; round < 20000; round++) {
        uint8_t ip[16];
        for (size_t i = 0; i < sizeof(ip); i += 2) {
            uint32_t value =
                random_below(&r, 3) ? random_below(&r, 65536) >> random_below(&r, 16) : 0;
            ip[i] = (uint8_t)(value >> 8);
            ip[i + 1] = (uint8_t)value;
        }
        ip[0] |= 1; /* glibc writes "::1.2.3.4" for addresses that begin with 96 zero bits */
        struct address six = address_ipv6(ip, 0), four = address_ipv4(ip, 0);
        address_format(&six, ours);
        assert_string_equal(ours, inet_ntop(AF_INET6, ip, theirs, sizeof(theirs)));
        assert_memory_equal(parsed(ours).ip, ip, sizeof(ip));
        address_format(&four, ours);
        assert_string_equal(ours, inet_ntop(AF_INET, ip, theirs, sizeof(theirs)));
    }
}

static void an_unknown_address_formats_as_unknown(void **state)
{
    char out[ADDRESS_TEXT_BYTES];
    struct address a = { 0 };
    (void)state;
    assert_int_equal(address_format(&a, out), 7);
    assert_string_equal(out, "unknown");
}

static void folds_mapped_ipv6_to_ipv4(void **state)
{
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(443) };
    struct address a;
    (void)state;
    inet_pton(AF_INET6, "::ffff:192.0.2.7", &in6.sin6_addr);
    assert_true(address_from_sockaddr(&a, (struct sockaddr *)&in6));
    assert_int_equal(a.family, AF_INET);
    assert_int_equal(a.port, 443);
    assert_formats("::ffff:192.0.2.7", "192.0.2.7");
    assert_formats("::FFFF:c000:207", "192.0.2.7");
}

static void goes_through_a_sockaddr_and_back(void **state)
{
    static const char *const texts[] = { "192.0.2.7", "2001:db8::7" };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct sockaddr_storage storage;
        struct address back, a = parsed(texts[i]);
        a.port = 65535;
        assert_true(address_to_sockaddr(&a, &storage) > 0);
        assert_true(address_from_sockaddr(&back, (struct sockaddr *)&storage));
        assert_int_equal(back.family, a.family);
        assert_int_equal(back.port, a.port);
        assert_memory_equal(back.ip, a.ip, sizeof(a.ip));
    }
}

static void other_families_are_no_address(void **state)
{
    struct sockaddr other = { .sa_family = AF_UNIX };
    struct sockaddr_storage storage;
    struct address a;
    (void)state;
    assert_false(address_from_sockaddr(&a, &other));
    assert_int_equal(a.family, AF_UNSPEC);
    assert_int_equal(address_to_sockaddr(&a, &storage), 0);
}

static void refuses_text_that_is_not_one_address(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "1.2.3",
        "1.2.3.4 ",
        " 1.2.3.4",
        "1.2.3.4:80",
        "01.2.3.4",
        "1.2.3.0x4",
        "256.1.1.1",
        "1.2.3.4.5",
        "unknown",
        "_hidden",
        "[::1]",
        "fe80::1%eth0",
        "::1::",
        "1:2:3:4:5:6:7:8:9",
        "12345::1",
        "::ffff:1.2.3",
        "0000:0000:0000:0000:0000:0000:0000:0000:00001",
    };
    struct address a;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_false(address_parse(&a, slice_str(texts[i])));
    assert_false(address_parse(&a, SLICE("1.2.3.4\0x")));
    assert_false(address_parse(&a, SLICE("::1\0")));
}

static void matches_networks_bit_by_bit(void **state)
{
    struct config_network networks[] = {
        network("10.0.0.0", 8),    network("192.0.2.128", 25), network("198.51.100.7", 32),
        network("2001:db8::", 33), network("::1", 128),
    };
    static const struct {
        const char *text;
        bool is_in;
    } cases[] = {
        { "10.255.0.1", true },
        { "11.0.0.1", false },
        { "192.0.2.128", true },
        { "192.0.2.127", false },
        { "198.51.100.7", true },
        { "198.51.100.6", false },
        { "2001:db8:7fff::1", true },
        { "2001:db8:8000::1", false },
        { "::1", true },
        { "::2", false },
        { "::ffff:10.1.2.3", true },
        { "a00::", false },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct address a = parsed(cases[i].text);
        assert_int_equal(address_is_in(&a, networks, ARRAY_LEN(networks)), cases[i].is_in);
        assert_false(address_is_in(&a, NULL, 0));
    }
}

static void a_prefix_of_zero_matches_its_family_only(void **state)
{
    struct config_network all = network("0.0.0.0", 0);
    struct address four = parsed("203.0.113.9"), six = parsed("2001:db8::9"), none = { 0 };
    (void)state;
    assert_true(address_is_in(&four, &all, 1));
    assert_false(address_is_in(&six, &all, 1));
    assert_false(address_is_in(&none, &all, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_ipv4),
        cmocka_unit_test(formats_ipv6_as_rfc_5952_says),
        cmocka_unit_test(formats_like_inet_ntop),
        cmocka_unit_test(an_unknown_address_formats_as_unknown),
        cmocka_unit_test(folds_mapped_ipv6_to_ipv4),
        cmocka_unit_test(goes_through_a_sockaddr_and_back),
        cmocka_unit_test(other_families_are_no_address),
        cmocka_unit_test(refuses_text_that_is_not_one_address),
        cmocka_unit_test(matches_networks_bit_by_bit),
        cmocka_unit_test(a_prefix_of_zero_matches_its_family_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
