#include "common/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <cmocka.h>

static void expect_hex(const uint8_t *got, size_t len, const char *expected)
{
    char text[129];
    for (size_t i = 0; i < len; i++)
        snprintf(text + 2 * i, 3, "%02x", got[i]);
    assert_string_equal(text, expected);
}

static void hashes_all_parts_as_one(void **state)
{
    (void)state;
    uint8_t out[DIGEST_BYTES];
    const struct slice parts[] = { SLICE("a"), SLICE(""), SLICE("bc") };
    digest_sha256(parts, ARRAY_LEN(parts), out);
    expect_hex(out, sizeof(out),
               "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    digest_sha256(NULL, 0, out);
    expect_hex(out, sizeof(out),
               "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* OpenSSL's own HMAC is the judge. */
static void makes_the_code_of_a_message(void **state)
{
    (void)state;
    uint8_t key[DIGEST_BYTES], out[DIGEST_BYTES], expected[DIGEST_BYTES];
    size_t len = 0;
    for (size_t i = 0; i < sizeof(key); i++)
        key[i] = (uint8_t)(200 + i);
    const struct slice parts[] = { SLICE("ho-so"), SLICE(" 2026") };
    digest_hmac(key, parts, ARRAY_LEN(parts), out);
    assert_non_null(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key, sizeof(key),
                              (const unsigned char *)"ho-so 2026", 10, expected, sizeof(expected),
                              &len));
    assert_memory_equal(out, expected, sizeof(out));
}

static void derives_as_rfc_5869_says(void **state)
{
    (void)state;
    static const char info[] = "ve\0\0\0\0\0\0\1\2";
    uint8_t out[DIGEST_BYTES], expected[DIGEST_BYTES];
    size_t len = sizeof(expected);
    digest_derive(SLICE("the master secret"), "ve", 0x102, out);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
    assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_hkdf_md(ctx, EVP_sha256()), 1);
    assert_int_equal(EVP_PKEY_CTX_set1_hkdf_key(ctx, (const uint8_t *)"the master secret", 17), 1);
    assert_int_equal(EVP_PKEY_CTX_add1_hkdf_info(ctx, (const uint8_t *)info, 10), 1);
    assert_int_equal(EVP_PKEY_derive(ctx, expected, &len), 1);
    EVP_PKEY_CTX_free(ctx);
    assert_memory_equal(out, expected, sizeof(out));
}

static void gives_each_purpose_and_period_a_key_of_its_own(void **state)
{
    (void)state;
    uint8_t a[DIGEST_BYTES], b[DIGEST_BYTES], c[DIGEST_BYTES];
    digest_derive(SLICE("secret"), "tickets", 1, a);
    digest_derive(SLICE("secret"), "tickets", 2, b);
    digest_derive(SLICE("secret"), "session", 1, c);
    assert_false(digest_equal(a, b, sizeof(a)));
    assert_false(digest_equal(a, c, sizeof(a)));
}

static void expect_base64(struct slice bytes, const char *text)
{
    char out[64] = "";
    uint8_t back[64];
    size_t len = digest_base64(bytes.data, bytes.len, out);
    assert_int_equal(len, DIGEST_BASE64_LEN(bytes.len));
    out[len] = '\0';
    assert_string_equal(out, text);
    assert_int_equal(digest_unbase64(slice_str(text), back, sizeof(back)), bytes.len);
    assert_memory_equal(back, bytes.data, bytes.len);
}

static void writes_and_reads_base64url(void **state)
{
    (void)state;
    expect_base64(SLICE(""), "");
    expect_base64(SLICE("f"), "Zg");
    expect_base64(SLICE("fo"), "Zm8");
    expect_base64(SLICE("foo"), "Zm9v");
    expect_base64(SLICE("foobar"), "Zm9vYmFy");
    expect_base64(SLICE("\xfb\xff\xfe"), "-__-");
}

static void refuses_what_is_not_base64url(void **state)
{
    (void)state;
    static const char *const wrong[] = { "Z", "Zg==", "Zm9v ", "+//+", "Zm9vY", "Z\n" };
    uint8_t out[64];
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_int_equal(digest_unbase64(slice_str(wrong[i]), out, sizeof(out)), -1);
}

static void refuses_a_second_spelling_of_the_same_bytes(void **state)
{
    (void)state;
    uint8_t out[8];
    assert_int_equal(digest_unbase64(SLICE("Zg"), out, sizeof(out)), 1);
    assert_int_equal(digest_unbase64(SLICE("Zh"), out, sizeof(out)), -1);
    assert_int_equal(digest_unbase64(SLICE("Zm9"), out, sizeof(out)), -1);
}

static void writes_no_more_than_there_is_room_for(void **state)
{
    (void)state;
    uint8_t out[3] = { 0, 0, 7 };
    assert_int_equal(digest_unbase64(SLICE("Zm8"), out, 2), 2);
    assert_int_equal(digest_unbase64(SLICE("Zm9v"), out, 2), -1);
    assert_int_equal(out[2], 7);
    assert_int_equal(digest_unbase64(SLICE("Zm9vZm9vZm9v"), out, 0), -1);
}

static void compares(void **state)
{
    (void)state;
    assert_true(digest_equal("abc", "abd", 2));
    assert_false(digest_equal("abc", "abd", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_all_parts_as_one),
        cmocka_unit_test(makes_the_code_of_a_message),
        cmocka_unit_test(derives_as_rfc_5869_says),
        cmocka_unit_test(gives_each_purpose_and_period_a_key_of_its_own),
        cmocka_unit_test(writes_and_reads_base64url),
        cmocka_unit_test(refuses_what_is_not_base64url),
        cmocka_unit_test(refuses_a_second_spelling_of_the_same_bytes),
        cmocka_unit_test(writes_no_more_than_there_is_room_for),
        cmocka_unit_test(compares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
