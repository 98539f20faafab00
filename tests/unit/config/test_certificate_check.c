#include "config/certificate_check.h"
#include "fakes/certificate_pair.h"

#include <openssl/ocsp.h>
#include <openssl/rsa.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct certificate_pair good, other;

static int make_pairs(void **state)
{
    (void)state;
    certificate_pair_make(&good, "dichvucong.gov.vn");
    certificate_pair_make(&other, "khac.gov.vn");
    return 0;
}

static void accepts_a_certificate_and_its_key(void **state)
{
    (void)state;
    assert_int_equal(certificate_check_chain(slice_str(good.cert), NULL), 0);
    assert_int_equal(certificate_check_key(slice_str(good.cert), slice_str(good.key), NULL), 0);
    assert_false(certificate_is_out_of_date(slice_str(good.cert), NULL));
}

static void accepts_a_chain_with_text_between(void **state)
{
    (void)state;
    char chain[10000];
    snprintf(chain, sizeof(chain), "the leaf\n%s\nthe authority\n%s\n", good.cert, other.cert);
    assert_int_equal(certificate_check_chain(slice_str(chain), NULL), 0);
    assert_int_equal(certificate_check_key(slice_str(chain), slice_str(good.key), NULL), 0);
}

static void rejects_a_file_without_a_certificate(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(certificate_check_chain(SLICE(""), &e), ERR_INVALID);
    assert_string_equal(e.text, "it holds no certificate (PEM, BEGIN CERTIFICATE)");
    assert_int_equal(certificate_check_chain(slice_str(good.key), &e), ERR_INVALID);
    assert_string_equal(e.text, "it holds no certificate (PEM, BEGIN CERTIFICATE)");
}

static void rejects_a_damaged_certificate_in_the_chain(void **state)
{
    (void)state;
    struct err e;
    char chain[10000];
    snprintf(chain, sizeof(chain), "%s%s", good.cert, other.cert);
    chain[strlen(good.cert) + 60] = '!';
    assert_int_equal(certificate_check_chain(slice_str(chain), &e), ERR_INVALID);
    assert_string_equal(e.text, "its certificate number 2 cannot be read");
}

static void rejects_a_key_of_another_certificate(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(certificate_check_key(slice_str(good.cert), slice_str(other.key), &e),
                     ERR_INVALID);
    assert_string_equal(e.text, "its key does not belong to the certificate");
}

static void rejects_a_file_without_a_key(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(certificate_check_key(slice_str(good.cert), slice_str(good.cert), &e),
                     ERR_INVALID);
    assert_string_equal(e.text, "it holds no private key that can be read (PEM)");
}

static void rejects_an_encrypted_key_without_asking(void **state)
{
    (void)state;
    struct err e;
    char pem[4096];
    BIO *bio = BIO_new(BIO_s_mem());
    EVP_PKEY *key = EVP_EC_gen("P-256");
    PEM_write_bio_PKCS8PrivateKey(bio, key, EVP_aes_128_cbc(), "secret", 6, NULL, NULL);
    certificate_pair_take(bio, pem, sizeof(pem));
    EVP_PKEY_free(key);
    BIO_free(bio);
    assert_int_equal(certificate_check_key(slice_str(good.cert), slice_str(pem), &e), ERR_INVALID);
    assert_string_equal(e.text, "its key is encrypted; a key without a passphrase is needed");
}

static void rejects_a_weak_key(void **state)
{
    (void)state;
    struct err e;
    struct certificate_pair weak;
    EVP_PKEY *key = EVP_RSA_gen(1024);
    certificate_pair_sign(&weak, key, "yeu.gov.vn", 0, 86400);
    EVP_PKEY_free(key);
    assert_int_equal(certificate_check_key(slice_str(weak.cert), slice_str(weak.key), &e),
                     ERR_INVALID);
    assert_string_equal(e.text, "its key of 1024 bits is too weak; RSA needs 2048");
}

static void tells_certificates_that_are_not_valid_now(void **state)
{
    (void)state;
    struct err e;
    struct certificate_pair pair;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    certificate_pair_sign(&pair, key, "cu.gov.vn", -86400, -60);
    assert_true(certificate_is_out_of_date(slice_str(pair.cert), &e));
    assert_string_equal(e.text, "its certificate number 1 has expired");
    certificate_pair_sign(&pair, key, "moi.gov.vn", 3600, 86400);
    char chain[10000];
    snprintf(chain, sizeof(chain), "%s%s", good.cert, pair.cert);
    assert_true(certificate_is_out_of_date(slice_str(chain), &e));
    assert_string_equal(e.text, "its certificate number 2 is not valid yet");
    EVP_PKEY_free(key);
}

static void accepts_only_ocsp_responses_with_an_answer(void **state)
{
    (void)state;
    struct err e;
    unsigned char der[256], *at = der;
    assert_int_equal(certificate_check_ocsp(SLICE("x"), &e), ERR_INVALID);
    assert_string_equal(e.text, "it holds no OCSP response (DER)");

    OCSP_RESPONSE *refusal = OCSP_response_create(OCSP_RESPONSE_STATUS_TRYLATER, NULL);
    int len = i2d_OCSP_RESPONSE(refusal, &at);
    OCSP_RESPONSE_free(refusal);
    assert_int_equal(certificate_check_ocsp(slice_of((char *)der, (size_t)len), &e), ERR_INVALID);
    assert_string_equal(e.text, "its OCSP response is the error \"trylater\"");

    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    OCSP_RESPONSE *answer = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    at = der;
    len = i2d_OCSP_RESPONSE(answer, &at);
    if (len > 0)
        assert_int_equal(certificate_check_ocsp(slice_of((char *)der, (size_t)len), NULL), 0);
    OCSP_RESPONSE_free(answer);
    OCSP_BASICRESP_free(basic);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_a_certificate_and_its_key),
        cmocka_unit_test(accepts_a_chain_with_text_between),
        cmocka_unit_test(rejects_a_file_without_a_certificate),
        cmocka_unit_test(rejects_a_damaged_certificate_in_the_chain),
        cmocka_unit_test(rejects_a_key_of_another_certificate),
        cmocka_unit_test(rejects_a_file_without_a_key),
        cmocka_unit_test(rejects_an_encrypted_key_without_asking),
        cmocka_unit_test(rejects_a_weak_key),
        cmocka_unit_test(tells_certificates_that_are_not_valid_now),
        cmocka_unit_test(accepts_only_ocsp_responses_with_an_answer),
    };
    return cmocka_run_group_tests(tests, make_pairs, NULL);
}
