#include "http/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, NULL, 64 * 1024);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static int parse(struct url *u, const char *method, struct slice target)
{
    return url_parse(u, slice_str(method), target, &arena);
}

static void assert_slice(struct slice s, const char *expected)
{
    if (!slice_eq(s, slice_str(expected)))
        fail_msg("\"%.*s\" is not \"%s\"", SLICE_ARG(s), expected);
}

static void assert_target(const char *target, const char *expected)
{
    struct url u;
    if (parse(&u, "GET", slice_str(target)))
        fail_msg("refused \"%s\"", target);
    assert_slice(u.target, expected);
    assert_int_equal(u.form, URL_ORIGIN);
    assert_ptr_equal(u.path.data, u.target.data);
}

static void assert_refused(const char *method, const char *target)
{
    struct url u;
    if (parse(&u, method, slice_str(target)) != ERR_INVALID)
        fail_msg("accepted %s \"%s\"", method, target);
}

static void a_canonical_target_is_not_copied(void **state)
{
    static const char *const targets[] = {
        "/",
        "/a/b/",
        "/a?x=1?y=/../&z",
        "/.well-known/acme",
        "/.../..a/a..",
        "/a;v=1,2/@:!$&'()*+=",
        "/th%E1%BB%A7-t%E1%BB%A5c/%20%25%3F",
        "/a?",
        "/-._~",
        "/.%3D",
        "/%F0%9F%87%BB",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        struct url u;
        assert_int_equal(parse(&u, "GET", slice_str(targets[i])), 0);
        assert_ptr_equal(u.target.data, targets[i]);
        assert_slice(u.target, targets[i]);
    }
    assert_null(arena.chunks);
}

static void separates_path_and_query(void **state)
{
    struct url u;
    (void)state;
    assert_int_equal(parse(&u, "GET", SLICE("/a/b?c=d?e")), 0);
    assert_slice(u.path, "/a/b");
    assert_slice(u.query, "c=d?e");
    assert_int_equal(parse(&u, "GET", SLICE("/%61?c=%61//../")), 0);
    assert_slice(u.path, "/a");
    assert_slice(u.query, "c=%61//../");
    assert_int_equal(parse(&u, "GET", SLICE("/a?")), 0);
    assert_non_null(u.query.data);
    assert_int_equal(u.query.len, 0);
    assert_int_equal(parse(&u, "GET", SLICE("/a")), 0);
    assert_null(u.query.data);
    assert_null(u.host.name.data);
    assert_null(u.scheme.data);
}

static void decodes_unreserved_escapes_only(void **state)
{
    (void)state;
    assert_target("/%61%5A%30%2D%2e%5f%7e", "/aZ0-._~");
    assert_target("/%3a%2b%40%20%3b", "/%3A%2B%40%20%3B");
    assert_target("/%c3%a9", "/%C3%A9");
    assert_target("/%2561", "/%2561");
    assert_target("/%252e%252e/x", "/%252e%252e/x");
}

static void escapes_what_browsers_send_raw(void **state)
{
    (void)state;
    assert_target("/a|b^[c]", "/a%7Cb%5E%5Bc%5D");
    assert_target("/a%7cb", "/a%7Cb");
}

static void resolves_dot_segments_after_decoding(void **state)
{
    (void)state;
    assert_target("/a/./b", "/a/b");
    assert_target("/a/../b", "/b");
    assert_target("/a/%2e%2e/b", "/b");
    assert_target("/a/%2E./b", "/b");
    assert_target("/a/b/..", "/a/");
    assert_target("/a/b/.", "/a/b/");
    assert_target("/a/..", "/");
    assert_target("/.", "/");
    assert_target("/a/b/c/../../d?../", "/a/d?../");
    assert_target("/a/.%41/..", "/a/");
}

static void merges_slashes(void **state)
{
    (void)state;
    assert_target("//", "/");
    assert_target("//a///b//", "/a/b/");
    assert_target("/a//../b", "/b");
    assert_target("/a/.//b", "/a/b");
}

static void refuses_to_climb_above_the_root(void **state)
{
    (void)state;
    assert_refused("GET", "/..");
    assert_refused("GET", "/../a");
    assert_refused("GET", "/a/../..");
    assert_refused("GET", "/a/%2e%2e/%2e%2e/b");
    assert_refused("GET", "//..");
    assert_refused("GET", "/./../a");
}

static void refuses_paths_that_servers_read_differently(void **state)
{
    static const char *const targets[] = {
        "/a\\b", "/a%5cb", "/a%5Cb", "/a%2fb", "/a%2Fb",  "/%00",       "/%0a", "/%0D%0A",
        "/%1f",  "/%7F",   "/\x7f",  "/a b",   "/a\tb",   "/a\xc3\xa9", "/%",   "/%a",
        "/%4",   "/%gg",   "/%4g",   "/%%41",  "/a#b",    "/a\"b",      "/<a>", "/{a}",
        "/`",    "/..;/a", "/.;a",   "/a/..;", "/..%3b/", "/%2e%2e;/a",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(targets); i++)
        assert_refused("GET", targets[i]);
    struct url u;
    assert_int_equal(parse(&u, "GET", SLICE("/a\0b")), ERR_INVALID);
}

static void refuses_escapes_that_are_not_utf8(void **state)
{
    static const char *const targets[] = {
        "/%c0%ae",       "/%C0%AF",          "/%c1%81",     "/%e0%80%ae",    "/%e0%9f%bf",
        "/%f0%80%80%ae", "/%f0%8f%bf%bf",    "/%80",        "/%bf",          "/%ff",
        "/%fe",          "/%f8%88%80%80%80", "/%ed%a0%80",  "/%c3",          "/%c3a",
        "/%c3/%a9",      "/%e1%bb",          "/%e1%bb%41",  "/%f4%90%80%80", "/%c3%c3",
        "/%f5%80%80%80", "/%F0%9F%87%BB%BF", "/%e1%bb%a7%",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(targets); i++)
        assert_refused("GET", targets[i]);
    assert_target("/%e0%a0%80%ed%9f%bf%ee%80%80%f4%8f%bf%bf",
                  "/%E0%A0%80%ED%9F%BF%EE%80%80%F4%8F%BF%BF");
}

static void takes_any_printable_query_as_it_is(void **state)
{
    (void)state;
    assert_target("/?a=|^{}[]\"<>\\`%zz%&'../;//?", "/?a=|^{}[]\"<>\\`%zz%&'../;//?");
    assert_refused("GET", "/?a b");
    assert_refused("GET", "/?a\x01");
    assert_refused("GET", "/?a\x7f");
    assert_refused("GET", "/?\xc3\xa9");
    assert_refused("GET", "/?a#b");
}

static void absolute_form_names_scheme_and_host(void **state)
{
    struct url u;
    (void)state;
    assert_int_equal(parse(&u, "GET", SLICE("HTTP://Example.VN:8080/a/../b?c")), 0);
    assert_int_equal(u.form, URL_ABSOLUTE);
    assert_slice(u.scheme, "http");
    assert_slice(u.host.name, "example.vn");
    assert_int_equal(u.host.port, 8080);
    assert_slice(u.target, "/b?c");
    assert_int_equal(parse(&u, "GET", SLICE("https://[2001:db8::1]")), 0);
    assert_slice(u.scheme, "https");
    assert_slice(u.host.name, "[2001:db8::1]");
    assert_slice(u.target, "/");
    assert_int_equal(parse(&u, "GET", SLICE("http://a?b")), 0);
    assert_slice(u.target, "/?b");
    assert_slice(u.path, "/");
    assert_slice(u.query, "b");
}

static void refuses_other_absolute_forms(void **state)
{
    static const char *const targets[] = {
        "",
        "a",
        "a/b",
        "?a",
        "*",
        "example.vn:443",
        "ftp://a/",
        "http:/a",
        "http:a",
        "http://",
        "https:///a",
        "http://u@a/",
        "http://u:p@a/",
        "http://a b/",
        "http://a\\b/",
        "http://a#b",
        "http://a:0/",
        "httpx://a/",
        "http://a:/",
        " /",
        "http://a/..",
        "http://%61/",
        "http://\xc3\xa9/",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(targets); i++)
        assert_refused("GET", targets[i]);
}

static void asterisk_goes_with_options_only(void **state)
{
    struct url u;
    (void)state;
    assert_int_equal(parse(&u, "OPTIONS", SLICE("*")), 0);
    assert_int_equal(u.form, URL_ASTERISK);
    assert_slice(u.target, "*");
    assert_int_equal(parse(&u, "OPTIONS", SLICE("http://a.vn")), 0);
    assert_int_equal(u.form, URL_ASTERISK);
    assert_slice(u.host.name, "a.vn");
    assert_slice(u.target, "*");
    assert_int_equal(parse(&u, "OPTIONS", SLICE("http://a.vn/")), 0);
    assert_int_equal(u.form, URL_ABSOLUTE);
    assert_refused("POST", "*");
    assert_refused("options", "*");
    assert_refused("OPTIONS", "**");
}

static void authority_goes_with_connect_only(void **state)
{
    struct url u;
    (void)state;
    assert_int_equal(parse(&u, "CONNECT", SLICE("a.vn:443")), 0);
    assert_int_equal(u.form, URL_AUTHORITY);
    assert_slice(u.host.name, "a.vn");
    assert_int_equal(u.host.port, 443);
    assert_refused("CONNECT", "a.vn");
    assert_refused("CONNECT", "/a");
    assert_refused("CONNECT", "http://a.vn/");
}

static void stops_at_the_cap_of_the_arena(void **state)
{
    struct arena none;
    struct url u;
    struct url_host h;
    (void)state;
    arena_init(&none, NULL, 0);
    assert_int_equal(url_parse(&u, SLICE("GET"), SLICE("/%61"), &none), ERR_NO_MEMORY);
    assert_int_equal(url_host_parse(&h, SLICE("A"), &none), ERR_NO_MEMORY);
    assert_int_equal(url_host_parse(&h, SLICE("a"), &none), 0);
    arena_fini(&none);
}

static void assert_host(const char *text, const char *name, uint16_t port)
{
    struct url_host h;
    if (url_host_parse(&h, slice_str(text), &arena))
        fail_msg("refused \"%s\"", text);
    assert_slice(h.name, name);
    assert_int_equal(h.port, port);
}

static void reads_hosts(void **state)
{
    (void)state;
    assert_host("dichvucong.gov.vn", "dichvucong.gov.vn", 0);
    assert_host("DichVuCong.gov.VN:8443", "dichvucong.gov.vn", 8443);
    assert_host("a.", "a", 0);
    assert_host("a.:1", "a", 1);
    assert_host("a_b-c.1x", "a_b-c.1x", 0);
    assert_host("xn--cng-ula.vn", "xn--cng-ula.vn", 0);
    assert_host("127.0.0.1:65535", "127.0.0.1", 65535);
    assert_host("[::1]:8443", "[::1]", 8443);
    assert_host("[2001:DB8::A]", "[2001:db8::a]", 0);
    assert_host("[::ffff:1.2.3.4]", "[::ffff:1.2.3.4]", 0);
}

static void refuses_hosts_that_are_none(void **state)
{
    static const char *const hosts[] = {
        "",         ".",         "..",      ".a",      "a..b",
        "a..",      "a b",       " a",      "a ",      "u@a",
        "u:p@a:80", "a:",        "a:0",     "a:080",   "a:65536",
        "a:+1",     "a:1x",      "a:80:80", ":80",     "a/b",
        "a?b",      "a#b",       "a\\b",    "a,b",     "a%2eb",
        "%61",      "a\xc3\xa9", "a*b",     "1.2.3",   "1.2.3.256",
        "1.2.3.04", "1.2.3.4.5", "12345",   "::1",     "[::1",
        "[]",       "[1.2.3.4]", "[::1]x",  "[::1]80", "[fe80::1%25eth0]",
        "[v1.a]",   "[::1]:",    "[::1]]",  "a;b",     "a\"b",
        "a'b",      "(a)",       "a|b",     "a\tb",    "a\x7f",
    };
    char label[66] = "", name[300] = "";
    struct url_host h;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
        if (url_host_parse(&h, slice_str(hosts[i]), &arena) != ERR_INVALID)
            fail_msg("accepted \"%s\"", hosts[i]);
    assert_int_equal(url_host_parse(&h, SLICE("a\0b"), &arena), ERR_INVALID);
    assert_int_equal(url_host_parse(&h, SLICE("[::1\0]"), &arena), ERR_INVALID);
    memset(label, 'a', 64);
    assert_int_equal(url_host_parse(&h, slice_str(label), &arena), ERR_INVALID);
    assert_int_equal(url_host_parse(&h, slice_of(label, 63), &arena), 0);
    for (size_t i = 0; i < 254; i++)
        name[i] = i % 2 ? '.' : 'a';
    assert_int_equal(url_host_parse(&h, slice_of(name, 253), &arena), 0);
    memcpy(name + 253, "aa", 2);
    assert_int_equal(url_host_parse(&h, slice_of(name, 255), &arena), ERR_INVALID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_canonical_target_is_not_copied),
        TEST(separates_path_and_query),
        TEST(decodes_unreserved_escapes_only),
        TEST(escapes_what_browsers_send_raw),
        TEST(resolves_dot_segments_after_decoding),
        TEST(merges_slashes),
        TEST(refuses_to_climb_above_the_root),
        TEST(refuses_paths_that_servers_read_differently),
        TEST(refuses_escapes_that_are_not_utf8),
        TEST(takes_any_printable_query_as_it_is),
        TEST(absolute_form_names_scheme_and_host),
        TEST(refuses_other_absolute_forms),
        TEST(asterisk_goes_with_options_only),
        TEST(authority_goes_with_connect_only),
        TEST(stops_at_the_cap_of_the_arena),
        TEST(reads_hosts),
        TEST(refuses_hosts_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
