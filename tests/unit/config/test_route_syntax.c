#include "config/route_syntax.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

typedef int check_fn(struct slice text, struct err *e);

static void expect_all_good(check_fn *check, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct err e = { "" };
        check(slice_str(texts[i]), &e);
        assert_string_equal(e.text, "");
    }
}

static void expect_error(check_fn *check, const char *text, const char *why)
{
    struct err e = { "" };
    assert_int_equal(check(slice_str(text), &e), ERR_INVALID);
    if (!strstr(e.text, why))
        fail_msg("\"%s\" does not say \"%s\"", e.text, why);
}

static void accepts_host_names_and_wildcards(void **state)
{
    (void)state;
    static const char *const good[] = { "dichvucong.gov.vn", "*.gov.vn",  "localhost",
                                        "DVC.GOV.VN",        "127.0.0.1", "a_b.vn",
                                        "xn--cng-2xa.vn" };
    expect_all_good(route_syntax_host, good, ARRAY_LEN(good));
}

static void rejects_hosts_that_never_match(void **state)
{
    (void)state;
    expect_error(route_syntax_host, "*", "leave the host out");
    expect_error(route_syntax_host, "*gov.vn", "wildcard");
    expect_error(route_syntax_host, "*.*.vn", "wildcard");
    expect_error(route_syntax_host, "portal.vn:8443", "without scheme, port and path");
    expect_error(route_syntax_host, "https://portal.vn", "without scheme, port and path");
    expect_error(route_syntax_host, "cổng.vn", "xn--");
    expect_error(route_syntax_host, "portal.vn.", "labels");
    expect_error(route_syntax_host, "portal..vn", "labels");
    expect_error(route_syntax_host, ".vn", "labels");
    expect_error(route_syntax_host, "a b.vn", "labels");
    expect_error(route_syntax_host, "*.", "wildcard");
    expect_error(route_syntax_host,
                 "a234567890123456789012345678901234567890123456789012345678901234.vn", "labels");
}

static void accepts_canonical_paths(void **state)
{
    (void)state;
    static const char *const good[] = {
        "/", "/tinh", "/tinh/", "/tinh/ha-noi", "/a.b/~c/...", "/a:b@c;d=e,f", "/.well-known/x"
    };
    expect_all_good(route_syntax_path, good, ARRAY_LEN(good));
}

static void rejects_paths_that_are_not_canonical(void **state)
{
    (void)state;
    expect_error(route_syntax_path, "tinh", "must begin with /");
    expect_error(route_syntax_path, "//", "empty segment");
    expect_error(route_syntax_path, "/a//b", "empty segment");
    expect_error(route_syntax_path, "/a/./b", ". or .. segment");
    expect_error(route_syntax_path, "/a/..", ". or .. segment");
    expect_error(route_syntax_path, "/.", ". or .. segment");
    expect_error(route_syntax_path, "/a%20b", "%-encoding");
    expect_error(route_syntax_path, "/thủ-tục", "%-encoding");
    expect_error(route_syntax_path, "/a b", "%-encoding");
    expect_error(route_syntax_path, "/a\\b", "%-encoding");
    expect_error(route_syntax_path, "/a?b", "without '?' and '#'");
    expect_error(route_syntax_path, "/a#b", "without '?' and '#'");
}

static void accepts_redirects_to_https(void **state)
{
    (void)state;
    static const char *const good[] = { "https://dichvucong.gov.vn", "https://a.vn/",
                                        "https://a.vn:8443/tinh/ha-noi" };
    expect_all_good(route_syntax_redirect, good, ARRAY_LEN(good));
}

static void rejects_redirects_elsewhere(void **state)
{
    (void)state;
    expect_error(route_syntax_redirect, "http://a.vn", "does not begin with https://");
    expect_error(route_syntax_redirect, "//a.vn", "does not begin with https://");
    expect_error(route_syntax_redirect, "https://", "has no host");
    expect_error(route_syntax_redirect, "https:///a", "has no host");
    expect_error(route_syntax_redirect, "https://a.vn:", "has no host");
    expect_error(route_syntax_redirect, "https://a.vn:0", "has no host");
    expect_error(route_syntax_redirect, "https://user@a.vn", "has no host");
    expect_error(route_syntax_redirect, "https://a.vn?x", "has no host");
    expect_error(route_syntax_redirect, "https://a.vn/?x", "without '?' and '#'");
    expect_error(route_syntax_redirect, "https://a.vn/a//b", "empty segment");
}

static void gives_each_method_a_bit_of_its_own(void **state)
{
    (void)state;
    static const char *const methods[] = { "GET",   "HEAD",   "POST",   "PUT",
                                           "PATCH", "DELETE", "OPTIONS" };
    uint32_t seen = 0;
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        uint32_t bit;
        assert_int_equal(route_syntax_method(slice_str(methods[i]), &bit, NULL), 0);
        assert_true(bit && !(seen & bit));
        seen |= bit;
    }
}

static void rejects_methods_that_cannot_be_routed(void **state)
{
    (void)state;
    static const char *const wrong[] = { "get", "CONNECT", "TRACE", "GET|HEAD", "PROPFIND", "GE" };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        uint32_t bit;
        assert_int_equal(route_syntax_method(slice_str(wrong[i]), &bit, NULL), ERR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_host_names_and_wildcards),
        cmocka_unit_test(rejects_hosts_that_never_match),
        cmocka_unit_test(accepts_canonical_paths),
        cmocka_unit_test(rejects_paths_that_are_not_canonical),
        cmocka_unit_test(accepts_redirects_to_https),
        cmocka_unit_test(rejects_redirects_elsewhere),
        cmocka_unit_test(gives_each_method_a_bit_of_its_own),
        cmocka_unit_test(rejects_methods_that_cannot_be_routed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
