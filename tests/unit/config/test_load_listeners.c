#include "unit/config/load_fixture.h"

#include <cmocka.h>

#define REST UPSTREAMS ROUTES
#define TLS "tls: { certificates: [ { cert: portal.crt, key: portal.key } ] }"

static void reads_plain_and_tls_listeners(void **state)
{
    (void)state;
    struct load_fixture f;
    const struct config *c =
        load_good(&f, REST "trusted_proxies: [ 10.0.0.0/8 ]\n"
                           "listeners:\n"
                           "  - address: 0.0.0.0:8443\n"
                           "    proxy_protocol: true\n"
                           "    tls:\n"
                           "      certificates:\n"
                           "        - { cert: portal.crt, key: portal.key }\n"
                           "        - { cert: portal.crt, key: portal.key }\n"
                           "      min_version: 1.3\n"
                           "      record_layer: own\n"
                           "      client_auth: optional\n"
                           "      client_ca: portal.crt\n"
                           "  - { address: '[::]:8080', redirect_https: true }\n");
    assert_int_equal(c->listener_count, 2);
    const struct config_listener *l = c->listeners;
    assert_string_equal(l[0].address.text, "0.0.0.0:8443");
    assert_true(l[0].proxy_protocol);
    assert_false(l[0].redirect_https);
    assert_int_equal(l[0].tls->certificate_count, 2);
    assert_string_equal(l[0].tls->certificates[1].cert.path, "portal.crt");
    assert_true(slice_starts_with(l[0].tls->certificates[1].key.data, SLICE("-----BEGIN")));
    assert_null(l[0].tls->certificates[1].ocsp.path);
    assert_int_equal(l[0].tls->min_version, CONFIG_TLS_1_3);
    assert_int_equal(l[0].tls->record_layer, CONFIG_RECORD_LAYER_OWN);
    assert_int_equal(l[0].tls->client_auth, CONFIG_CLIENT_AUTH_OPTIONAL);
    assert_true(l[0].tls->client_ca.data.len > 0);
    assert_null(l[1].tls);
    assert_true(l[1].redirect_https);
    assert_string_equal(l[1].address.text, "[::]:8080");
    load_fixture_fini(&f);
}

static void rejects_no_listeners(void **state)
{
    (void)state;
    expect_problems(REST "listeners: []\n",
                    "3:12: listeners: has 0 entries; it may have 1 to 64\n");
    expect_problems(REST "listeners: [ ~ ]\n",
                    "3:14: listeners[0]: has no value; give it one or remove the key\n");
}

static void rejects_a_listener_without_an_address(void **state)
{
    (void)state;
    expect_problems(REST "listeners:\n  - redirect_https: true\n",
                    "4:5: listeners[0].address: is missing: IP address and port to listen on\n");
}

static void rejects_a_bad_address(void **state)
{
    (void)state;
    expect_problems(REST "listeners: [ { address: localhost:80 } ]\n",
                    "3:25: listeners[0].address: \"localhost:80\" is not a numeric address and "
                    "port; host names are not looked up, write 192.0.2.10:8443 or "
                    "[2001:db8::1]:8443\n");
}

static void rejects_the_same_address_twice(void **state)
{
    (void)state;
    expect_problems(REST "listeners:\n"
                         "  - address: 127.0.0.1:80\n"
                         "  - address: 127.0.0.1:81\n"
                         "  - address: 127.0.0.1:80\n"
                         "admin: { address: 127.0.0.1:81 }\n",
                    "6:14: listeners[2].address: is already listened on by the listener on line "
                    "4\n"
                    "7:19: admin.address: is already listened on by the listener on line 5\n");
}

static void rejects_redirect_https_together_with_tls(void **state)
{
    (void)state;
    expect_problems(REST "listeners: [ { address: '[::1]:80', redirect_https: true, " TLS " } ]\n",
                    "3:53: listeners[0].redirect_https: a listener with tls has nowhere to "
                    "redirect to\n");
}

static void rejects_proxy_protocol_from_nobody(void **state)
{
    (void)state;
    expect_problems(REST "listeners: [ { address: '[::1]:80', proxy_protocol: true } ]\n",
                    "3:53: listeners[0].proxy_protocol: needs trusted_proxies, the only ones whose "
                    "PROXY header is believed\n");
}

static void rejects_booleans_that_are_none(void **state)
{
    (void)state;
    expect_problems(REST "listeners: [ { address: '[::1]:80', redirect_https: yes } ]\n",
                    "3:53: listeners[0].redirect_https: \"yes\" is neither true nor false\n");
}

static void rejects_tls_without_certificates(void **state)
{
    (void)state;
    expect_problems(REST "listeners: [ { address: '[::1]:80', tls: {} } ]\n",
                    "3:42: listeners[0].tls.certificates: is missing: certificates, chosen by "
                    "server name; the first is the default\n");
    expect_problems(REST "listeners:\n  - address: '[::1]:80'\n    tls:\n",
                    "5:9: listeners[0].tls: has no value; give it one or remove the key\n");
    expect_problems(REST "listeners: [ { address: '[::1]:80', tls: { certificates: [ { cert: "
                         "portal.crt } ] } } ]\n",
                    "3:60: listeners[0].tls.certificates[0].key: is missing: file of the private "
                    "key (PEM)\n");
}

static void rejects_missing_files_and_names_them(void **state)
{
    (void)state;
    expect_problems(REST "listeners: [ { address: '[::1]:80', tls: { certificates: [\n"
                         "  { cert: missing.crt, key: /nowhere/a.key, ocsp: a.ocsp } ] } } ]\n",
                    "4:11: listeners[0].tls.certificates[0].cert: cannot read missing.crt: No such "
                    "file or directory\n"
                    "4:29: listeners[0].tls.certificates[0].key: cannot read /nowhere/a.key: No "
                    "such file or directory\n"
                    "4:51: listeners[0].tls.certificates[0].ocsp: cannot read a.ocsp: No such file "
                    "or directory\n");
}

static void rejects_files_with_the_wrong_contents(void **state)
{
    (void)state;
    expect_problems(REST "listeners: [ { address: '[::1]:80', tls: { certificates: [\n"
                         "  { cert: portal.key, key: portal.key },\n"
                         "  { cert: portal.crt, key: portal.crt },\n"
                         "  { cert: portal.crt, key: other.key },\n"
                         "  { cert: portal.crt, key: portal.key, ocsp: portal.crt } ] } } ]\n",
                    "4:11: listeners[0].tls.certificates[0].cert: cannot use portal.key: it holds "
                    "no certificate (PEM, BEGIN CERTIFICATE)\n"
                    "5:28: listeners[0].tls.certificates[1].key: cannot use portal.crt: it holds "
                    "no private key that can be read (PEM)\n"
                    "6:28: listeners[0].tls.certificates[2].key: cannot use other.key: its key "
                    "does not belong to the certificate\n"
                    "7:46: listeners[0].tls.certificates[3].ocsp: cannot use portal.crt: it holds "
                    "no OCSP response (DER)\n");
}

static void never_repeats_a_key_pasted_in_place_of_its_name(void **state)
{
    (void)state;
    expect_problems(REST "listeners:\n"
                         "  - address: '[::1]:80'\n"
                         "    tls:\n"
                         "      certificates:\n"
                         "        - cert: portal.crt\n"
                         "          key: |\n"
                         "            -----BEGIN PRIVATE KEY-----\n"
                         "            c2VjcmV0\n",
                    "8:16: listeners[0].tls.certificates[0].key: must be one line without control "
                    "characters\n");
}

static void an_expired_certificate_is_no_error(void **state)
{
    (void)state;
    struct load_fixture f;
    struct certificate_pair old;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    certificate_pair_sign(&old, key, "cu.gov.vn", -86400, -60);
    EVP_PKEY_free(key);
    load_fixture_init(&f);
    bundle_add(f.bundle, "old.crt", slice_str(old.cert));
    bundle_add(f.bundle, "old.key", slice_str(old.key));
    log_set_level(LOG_ERROR); /* the warning is not for whoever runs the tests */
    load_fixture_load(&f, REST "listeners: [ { address: '[::1]:80', tls: { certificates: [ { cert: "
                               "old.crt, key: old.key } ] } } ]\n");
    log_set_level(LOG_INFO);
    assert_int_equal(f.d.count, 0);
    assert_non_null(f.config);
    load_fixture_fini(&f);
}

static void client_certificates_need_authorities(void **state)
{
    (void)state;
    expect_problems(REST "listeners: [ { address: '[::1]:80', tls: {\n"
                         "  certificates: [ { cert: portal.crt, key: portal.key } ],\n"
                         "  client_auth: required } } ]\n",
                    "5:16: listeners[0].tls.client_auth: needs client_ca, the authorities to check "
                    "certificates against\n");
    expect_problems(REST "listeners: [ { address: '[::1]:80', tls: {\n"
                         "  certificates: [ { cert: portal.crt, key: portal.key } ],\n"
                         "  client_ca: portal.crt } } ]\n",
                    "5:14: listeners[0].tls.client_ca: has no effect while client_auth is off\n");
    expect_problems(REST "listeners: [ { address: '[::1]:80', tls: {\n"
                         "  certificates: [ { cert: portal.crt, key: portal.key } ],\n"
                         "  client_auth: optional, client_ca: portal.key } } ]\n",
                    "5:37: listeners[0].tls.client_ca: cannot use portal.key: it holds no "
                    "certificate (PEM, BEGIN CERTIFICATE)\n");
}

static void rejects_an_old_tls_version(void **state)
{
    (void)state;
    expect_problems(REST "listeners: [ { address: '[::1]:80', tls: {\n"
                         "  certificates: [ { cert: portal.crt, key: portal.key } ],\n"
                         "  min_version: 1.1 } } ]\n",
                    "5:16: listeners[0].tls.min_version: \"1.1\" is not one of 1.2|1.3\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_plain_and_tls_listeners),
        cmocka_unit_test(rejects_no_listeners),
        cmocka_unit_test(rejects_a_listener_without_an_address),
        cmocka_unit_test(rejects_a_bad_address),
        cmocka_unit_test(rejects_the_same_address_twice),
        cmocka_unit_test(rejects_redirect_https_together_with_tls),
        cmocka_unit_test(rejects_proxy_protocol_from_nobody),
        cmocka_unit_test(rejects_booleans_that_are_none),
        cmocka_unit_test(rejects_tls_without_certificates),
        cmocka_unit_test(rejects_missing_files_and_names_them),
        cmocka_unit_test(rejects_files_with_the_wrong_contents),
        cmocka_unit_test(never_repeats_a_key_pasted_in_place_of_its_name),
        cmocka_unit_test(an_expired_certificate_is_no_error),
        cmocka_unit_test(client_certificates_need_authorities),
        cmocka_unit_test(rejects_an_old_tls_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
