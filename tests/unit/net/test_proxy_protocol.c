#include "net/proxy_protocol.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define V2 "\r\n\r\n\0\r\nQUIT\n"
#define INET_BLOCK                                                                                 \
    "\xc0\x00\x02\x07\xc0\x00\x02\x01\xdc\x04\x01\xbb" /* 192.0.2.7:56324 to 192.0.2.1:443 */

static enum proxy_protocol_result feed(struct proxy_protocol *p, struct slice input, size_t *used)
{
    proxy_protocol_init(p);
    return proxy_protocol_feed(p, input, used);
}

/* In one read with payload behind it, and byte by byte: the same source both times. */
static void assert_accepts(struct slice header, const char *source, uint16_t port)
{
    struct proxy_protocol p;
    char input[PROXY_PROTOCOL_BYTES_MAX + 8], text[ADDRESS_TEXT_BYTES];
    size_t used;
    memcpy(input, header.data, header.len);
    memcpy(input + header.len, "GET /", 5);
    assert_int_equal(feed(&p, slice_of(input, header.len + 5), &used), PROXY_PROTOCOL_DONE);
    assert_int_equal(used, header.len);
    address_format(&p.source, text);
    assert_string_equal(text, source);
    assert_int_equal(p.source.port, port);

    proxy_protocol_init(&p);
    for (size_t i = 0; i < header.len; i++) {
        bool is_last = i + 1 == header.len;
        assert_int_equal(proxy_protocol_feed(&p, slice_of(header.data + i, 1), &used),
                         is_last ? PROXY_PROTOCOL_DONE : PROXY_PROTOCOL_NEED_MORE);
        assert_int_equal(used, 1);
    }
    address_format(&p.source, text);
    assert_string_equal(text, source);
    assert_int_equal(p.source.port, port);
}

static void assert_refuses(struct slice input)
{
    struct proxy_protocol p;
    size_t used;
    assert_int_equal(feed(&p, input, &used), PROXY_PROTOCOL_INVALID);
}

static void accepts_a_line_for_ipv4(void **state)
{
    (void)state;
    assert_accepts(SLICE("PROXY TCP4 192.0.2.7 192.0.2.1 56324 443\r\n"), "192.0.2.7", 56324);
    assert_accepts(SLICE("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
                   "255.255.255.255", 65535);
    assert_accepts(SLICE("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n"), "0.0.0.0", 0);
}

static void accepts_a_line_for_ipv6(void **state)
{
    (void)state;
    assert_accepts(SLICE("PROXY TCP6 2001:DB8::7 ::1 56324 443\r\n"), "2001:db8::7", 56324);
    assert_accepts(SLICE("PROXY TCP6 ::ffff:192.0.2.7 ::ffff:192.0.2.1 1 2\r\n"), "192.0.2.7", 1);
}

static void unknown_lines_keep_the_real_address(void **state)
{
    (void)state;
    assert_accepts(SLICE("PROXY UNKNOWN\r\n"), "unknown", 0);
    assert_accepts(SLICE("PROXY UNKNOWN whatever  it says \r\n"), "unknown", 0);
    assert_accepts(SLICE("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
                   "unknown", 0);
}

static void refuses_lines_that_do_not_match_exactly(void **state)
{
    static const char *const lines[] = {
        "PROXY  TCP4 1.1.1.1 2.2.2.2 1 2\r\n",
        "PROXY TCP4  1.1.1.1 2.2.2.2 1 2\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2\r\n",
        "PROXY TCP4 1.1.1.1\r\n",
        "PROXY TCP4\r\n",
        "PROXY \r\n",
        "PROXY TCP4 01.1.1.1 2.2.2.2 1 2\r\n",
        "PROXY TCP4 1.1.1 2.2.2.2 1 2\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1 02\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 +1 2\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 -1 2\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 65536 2\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1 65536\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2  2\r\n",
        "PROXY TCP4 ::1 ::2 1 2\r\n",
        "PROXY TCP6 1.1.1.1 2.2.2.2 1 2\r\n",
        "PROXY TCP6 ::1 2.2.2.2 1 2\r\n",
        "PROXY TCP6 [::1] ::2 1 2\r\n",
        "PROXY TCP6 fe80::1%1 ::2 1 2\r\n",
        "PROXY TCP5 1.1.1.1 2.2.2.2 1 2\r\n",
        "PROXY tcp4 1.1.1.1 2.2.2.2 1 2\r\n",
        "proxy TCP4 1.1.1.1 2.2.2.2 1 2\r\n",
        "PROXY UNKNOWN2\r\n",
        "PROXY UNKNOWNx y\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\r\n",
        "PROXY UNKNOWN\rx\r\n",
        "PROXY UNKNOWN\nx\r\n",
        "PROXYTCP4 1.1.1.1 2.2.2.2 1 2\r\n",
        "GET / HTTP/1.1\r\n",
        "\x16\x03\x01",
        "POST / HTTP/1.1\r\n",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        assert_refuses(slice_str(lines[i]));
    assert_refuses(SLICE("PROXY TCP4 1.1.1.1\0 2.2.2.2 1 2\r\n"));
}

static void refuses_a_line_longer_than_107_bytes(void **state)
{
    char line[256];
    struct proxy_protocol p;
    size_t used;
    (void)state;
    memset(line, 'x', sizeof(line));
    memcpy(line, "PROXY UNKNOWN ", 14);
    assert_int_equal(feed(&p, slice_of(line, 106), &used), PROXY_PROTOCOL_NEED_MORE);
    assert_int_equal(used, 106);
    assert_int_equal(feed(&p, slice_of(line, sizeof(line)), &used), PROXY_PROTOCOL_INVALID);
    assert_int_equal(used, PROXY_PROTOCOL_LINE_MAX);
    memcpy(line + 105, "\r\n", 2);
    assert_accepts(slice_of(line, 107), "unknown", 0);
}

static void accepts_binary_ipv4_and_ipv6(void **state)
{
    (void)state;
    assert_accepts(SLICE(V2 "\x21\x11\x00\x0c" INET_BLOCK), "192.0.2.7", 56324);
    assert_accepts(SLICE(V2 "\x21\x21\x00\x24"
                            "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"
                            "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
                            "\x00\x50\x01\xbb"),
                   "2001:db8::7", 80);
    assert_accepts(SLICE(V2 "\x21\x21\x00\x24"
                            "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x07"
                            "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x01"
                            "\x00\x50\x01\xbb"),
                   "192.0.2.7", 80);
}

static void skips_tlvs(void **state)
{
    (void)state;
    assert_accepts(SLICE(V2 "\x21\x11\x00\x0f" INET_BLOCK "\x04\x00\x00"), "192.0.2.7", 56324);
    assert_accepts(SLICE(V2 "\x21\x11\x00\x17" INET_BLOCK "\x01\x00\x02h2\xea\x00\x03"
                            "abc"),
                   "192.0.2.7", 56324);
}

static void refuses_tlvs_that_do_not_fit(void **state)
{
    (void)state;
    assert_refuses(SLICE(V2 "\x21\x11\x00\x0d" INET_BLOCK "\x04"));
    assert_refuses(SLICE(V2 "\x21\x11\x00\x0e" INET_BLOCK "\x04\x00"));
    assert_refuses(SLICE(V2 "\x21\x11\x00\x0f" INET_BLOCK "\x04\x00\x01"));
    assert_refuses(SLICE(V2 "\x21\x11\x00\x11" INET_BLOCK "\x04\xff\xff"));
    assert_refuses(SLICE(V2 "\x21\x11\x00\x11" INET_BLOCK "\x04\x00\x01xz"));
}

static void local_keeps_the_real_address_and_skips_the_block(void **state)
{
    (void)state;
    assert_accepts(SLICE(V2 "\x20\x00\x00\x00"), "unknown", 0);
    assert_accepts(SLICE(V2 "\x20\x11\x00\x0c" INET_BLOCK), "unknown", 0);
    assert_accepts(SLICE(V2 "\x20\xff\x00\x01x"), "unknown", 0);
}

static void what_is_no_tcp_client_keeps_the_real_address(void **state)
{
    char unix_header[16 + 216 + 3] = V2 "\x21\x31\x00\xdb";
    (void)state;
    unix_header[16 + 216] = 4;
    assert_accepts(slice_of(unix_header, sizeof(unix_header)), "unknown", 0);
    assert_accepts(SLICE(V2 "\x21\x00\x00\x00"), "unknown", 0);
    assert_accepts(SLICE(V2 "\x21\x00\x00\x02zz"), "unknown", 0);
    assert_accepts(SLICE(V2 "\x21\x12\x00\x0c" INET_BLOCK), "unknown", 0);
}

static void refuses_binary_heads_that_the_specification_does_not_list(void **state)
{
    (void)state;
    assert_refuses(SLICE(V2 "\x11\x11\x00\x0c" INET_BLOCK));
    assert_refuses(SLICE(V2 "\x31\x11\x00\x0c" INET_BLOCK));
    assert_refuses(SLICE(V2 "\x22\x11\x00\x0c" INET_BLOCK));
    assert_refuses(SLICE(V2 "\x21\x13\x00\x0c" INET_BLOCK));
    assert_refuses(SLICE(V2 "\x21\x41\x00\x0c" INET_BLOCK));
    assert_refuses(SLICE(V2 "\x21\x10\x00\x0c" INET_BLOCK));
    assert_refuses(SLICE(V2 "\x21\x11\x00\x0b" INET_BLOCK));
    assert_refuses(SLICE(V2 "\x21\x21\x00\x0c" INET_BLOCK));
    assert_refuses(SLICE("\r\n\r\n\0\r\nQUIT\r"));
    assert_refuses(SLICE("\r\n\r\n\1"));
}

static void refuses_a_binary_header_over_4_kib(void **state)
{
    char header[PROXY_PROTOCOL_BYTES_MAX] = V2 "\x20\x00\x0f\xf0";
    (void)state;
    assert_accepts(slice_of(header, sizeof(header)), "unknown", 0);
    header[15] = '\xf1';
    assert_refuses(slice_of(header, 16));
}

/* The source is read again as what it was. */
static void assert_writes(const char *source, const char *destination, const char *line)
{
    struct address from = { 0 }, to = { 0 };
    char header[PROXY_PROTOCOL_LINE_MAX];
    assert_true(address_parse(&from, slice_str(source)));
    from.port = 56324;
    if (destination) {
        assert_true(address_parse(&to, slice_str(destination)));
        to.port = 443;
    }
    size_t len = proxy_protocol_write(header, 1, &from, &to);
    assert_int_equal(len, strlen(line));
    assert_memory_equal(header, line, len);
    assert_accepts(slice_of(header, len), source, 56324);
    len = proxy_protocol_write(header, 2, &from, &to);
    assert_accepts(slice_of(header, len), source, 56324);
}

static void writes_what_it_reads(void **state)
{
    (void)state;
    assert_writes("192.0.2.7", "192.0.2.1", "PROXY TCP4 192.0.2.7 192.0.2.1 56324 443\r\n");
    assert_writes("2001:db8::7", "2001:db8::1", "PROXY TCP6 2001:db8::7 2001:db8::1 56324 443\r\n");
    const char *longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    assert_writes(longest, longest,
                  "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 56324 443\r\n");
}

static void writes_both_ends_in_one_family(void **state)
{
    (void)state;
    assert_writes("2001:db8::7", "192.0.2.1",
                  "PROXY TCP6 2001:db8::7 ::ffff:192.0.2.1 56324 443\r\n");
    assert_writes("192.0.2.7", "2001:db8::1",
                  "PROXY TCP6 ::ffff:192.0.2.7 2001:db8::1 56324 443\r\n");
    assert_writes("192.0.2.7", NULL, "PROXY TCP4 192.0.2.7 0.0.0.0 56324 0\r\n");
}

static void writes_version_2_as_the_specification_has_it(void **state)
{
    (void)state;
    const struct address from = address_ipv4((const uint8_t[]){ 192, 0, 2, 7 }, 56324);
    const struct address to = address_ipv4((const uint8_t[]){ 192, 0, 2, 1 }, 443);
    const struct slice header = SLICE(V2 "\x21\x11\x00\x0c" INET_BLOCK);
    char written[PROXY_PROTOCOL_LINE_MAX];
    assert_int_equal(proxy_protocol_write(written, 2, &from, &to), header.len);
    assert_memory_equal(written, header.data, header.len);
}

static void writes_that_a_connection_is_for_nobody(void **state)
{
    (void)state;
    const struct address nobody = { 0 };
    char header[PROXY_PROTOCOL_LINE_MAX];
    for (int version = 1; version <= 2; version++) {
        size_t len = proxy_protocol_write(header, version, &nobody, &nobody);
        assert_accepts(slice_of(header, len), "unknown", 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_a_line_for_ipv4),
        cmocka_unit_test(accepts_a_line_for_ipv6),
        cmocka_unit_test(unknown_lines_keep_the_real_address),
        cmocka_unit_test(refuses_lines_that_do_not_match_exactly),
        cmocka_unit_test(refuses_a_line_longer_than_107_bytes),
        cmocka_unit_test(accepts_binary_ipv4_and_ipv6),
        cmocka_unit_test(skips_tlvs),
        cmocka_unit_test(refuses_tlvs_that_do_not_fit),
        cmocka_unit_test(local_keeps_the_real_address_and_skips_the_block),
        cmocka_unit_test(what_is_no_tcp_client_keeps_the_real_address),
        cmocka_unit_test(refuses_binary_heads_that_the_specification_does_not_list),
        cmocka_unit_test(refuses_a_binary_header_over_4_kib),
        cmocka_unit_test(writes_what_it_reads),
        cmocka_unit_test(writes_both_ends_in_one_family),
        cmocka_unit_test(writes_version_2_as_the_specification_has_it),
        cmocka_unit_test(writes_that_a_connection_is_for_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
