#include "tls/tls_certificate.h"

#include "common/mem.h"
#include "tests/fakes/fake_pki.h"

#include <openssl/pem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define NO_OCSP ((struct slice){ 0 })

static struct fake_certificate authority, ec, rsa;

static int set_up(void **state)
{
    (void)state;
    fake_certificate_init(&authority, "RSA", NULL, NULL);
    fake_certificate_init(&ec, "EC", "DNS:a.vn", &authority);
    fake_certificate_init(&rsa, "RSA", "DNS:b.vn", &authority);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_certificate_fini(&authority);
    fake_certificate_fini(&ec);
    fake_certificate_fini(&rsa);
    return 0;
}

static struct tls_certificate loaded(const struct fake_certificate *from, struct slice ocsp)
{
    struct config_certificate config = fake_certificate_config(from, ocsp);
    struct tls_certificate c;
    struct err e = { "" };
    if (tls_certificate_init(&c, &config, &e))
        fail_msg("%s", e.text);
    return c;
}

static void assert_fails(struct slice cert, struct slice key, struct slice ocsp,
                         const char *sentence)
{
    struct fake_certificate from = { .cert_pem = cert, .key_pem = key };
    struct config_certificate config = fake_certificate_config(&from, ocsp);
    struct tls_certificate c;
    struct err e = { "" };
    assert_int_equal(tls_certificate_init(&c, &config, &e), ERR_INVALID);
    if (!slice_starts_with(slice_str(e.text), slice_str(sentence)))
        fail_msg("\"%s\" does not say \"%s\"", e.text, sentence);
}

static void takes_each_name_once_and_in_lower_case(void **state)
{
    struct fake_certificate many;
    (void)state;
    fake_certificate_init(&many, "EC", "DNS:A.vn,IP:127.0.0.1,DNS:a.VN,DNS:*.B.vn,email:a@a.vn",
                          &authority);
    struct tls_certificate c = loaded(&many, NO_OCSP);
    assert_int_equal(c.name_count, 2);
    assert_string_equal(c.names[0], "a.vn");
    assert_string_equal(c.names[1], "*.b.vn");
    assert_true(tls_certificate_has_name(&c, "a.vn"));
    assert_false(tls_certificate_has_name(&c, "x.b.vn"));
    tls_certificate_fini(&c);
    fake_certificate_fini(&many);
}

static void leaves_out_names_that_can_never_match(void **state)
{
    struct fake_certificate odd;
    (void)state;
    fake_certificate_init(&odd, "EC", "DNS:*,DNS:*.,DNS:a.*.vn,DNS:w*.a.vn,DNS:a b,DNS:a/b",
                          &authority);
    struct tls_certificate c = loaded(&odd, NO_OCSP);
    assert_int_equal(c.name_count, 0);
    tls_certificate_fini(&c);
    fake_certificate_fini(&odd);
}

static void tells_the_kind_of_the_key(void **state)
{
    struct tls_certificate c = loaded(&ec, NO_OCSP);
    (void)state;
    assert_int_equal(c.kind, TLS_KEY_ECDSA);
    tls_certificate_fini(&c);
    c = loaded(&rsa, NO_OCSP);
    assert_int_equal(c.kind, TLS_KEY_RSA);
    tls_certificate_fini(&c);
}

static void knows_when_a_response_expires(void **state)
{
    struct slice ocsp = fake_ocsp_response(&ec, &authority, 1800000000);
    struct tls_certificate c = loaded(&ec, ocsp);
    (void)state;
    assert_int_equal(c.ocsp_expires_s, 1800000000);
    assert_memory_equal(c.ocsp, ocsp.data, ocsp.len);
    tls_certificate_fini(&c);
    mem_free((void *)ocsp.data);
}

static void refuses_a_response_that_is_not_for_it(void **state)
{
    struct slice other = fake_ocsp_response(&rsa, &authority, 1800000000);
    struct slice own = fake_ocsp_response(&ec, &authority, 1800000000);
    (void)state;
    assert_fails(ec.cert_pem, ec.key_pem, other,
                 "leaf.ocsp: the response is for another certificate");
    assert_fails(ec.cert_pem, ec.key_pem, slice_of(own.data, own.len - 1),
                 "leaf.ocsp: no OCSP response (DER)");
    assert_fails(ec.cert_pem, ec.key_pem, SLICE(""), "leaf.ocsp: no OCSP response (DER)");
    mem_free((void *)other.data);
    mem_free((void *)own.data);
}

static void refuses_files_that_hold_something_else(void **state)
{
    struct slice cut = slice_of(ec.cert_pem.data, ec.cert_pem.len - 40);
    char chain[8192];
    (void)state;
    int len = snprintf(chain, sizeof(chain), "%s%.*s", ec.cert_pem.data, SLICE_ARG(cut));
    assert_fails(SLICE(""), ec.key_pem, NO_OCSP, "leaf.crt: no certificate can be read");
    assert_fails(ec.key_pem, ec.key_pem, NO_OCSP, "leaf.crt: no certificate can be read");
    assert_fails(cut, ec.key_pem, NO_OCSP, "leaf.crt: no certificate can be read");
    assert_fails(slice_of(chain, (size_t)len), ec.key_pem, NO_OCSP,
                 "leaf.crt: the chain cannot be read");
    assert_fails(ec.cert_pem, SLICE(""), NO_OCSP, "leaf.key: the private key cannot be read");
    assert_fails(ec.cert_pem, ec.cert_pem, NO_OCSP, "leaf.key: the private key cannot be read");
    assert_fails(ec.cert_pem, rsa.key_pem, NO_OCSP,
                 "leaf.key: the key does not belong to the certificate");
}

static void refuses_an_encrypted_key_without_asking_for_its_passphrase(void **state)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data;
    (void)state;
    assert_int_equal(
        PEM_write_bio_PKCS8PrivateKey(bio, ec.key, EVP_aes_128_cbc(), "secret", 6, NULL, NULL), 1);
    long len = BIO_get_mem_data(bio, &data);
    assert_fails(ec.cert_pem, slice_of(data, (size_t)len), NO_OCSP,
                 "leaf.key: the private key cannot be read");
    BIO_free(bio);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_each_name_once_and_in_lower_case),
        cmocka_unit_test(leaves_out_names_that_can_never_match),
        cmocka_unit_test(tells_the_kind_of_the_key),
        cmocka_unit_test(knows_when_a_response_expires),
        cmocka_unit_test(refuses_a_response_that_is_not_for_it),
        cmocka_unit_test(refuses_files_that_hold_something_else),
        cmocka_unit_test(refuses_an_encrypted_key_without_asking_for_its_passphrase),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
