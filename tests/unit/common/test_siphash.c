#include "common/siphash.h"

#include <setjmp.h>
#include <stdarg.h>

#include <openssl/evp.h>
#include <openssl/params.h>
#include <cmocka.h>

/* 00 01 … 0f, as in the authors' test vectors. */
static const struct siphash_key key = { 0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull };

static void put(uint8_t out[16], struct siphash hash)
{
    for (int i = 0; i < 8; i++) {
        out[i] = (uint8_t)(hash.low >> (8 * i));
        out[8 + i] = (uint8_t)(hash.high >> (8 * i));
    }
}

static void gives_what_its_authors_publish(void **state)
{
    (void)state;
    static const uint8_t expected[][16] = {
        { 0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6, 0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02,
          0x93 },
        { 0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44, 0x34, 0x76, 0x59, 0x11, 0x9b, 0x22, 0xfc,
          0x45 },
    };
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        uint8_t got[16];
        put(got, siphash_of(key, slice_of("\0", i)));
        assert_memory_equal(got, expected[i], sizeof(got));
    }
}

static void agrees_with_openssl_for_every_length(void **state)
{
    (void)state;
    char data[100];
    uint8_t key_bytes[16], got[16], expected[16];
    for (uint8_t i = 0; i < 16; i++)
        key_bytes[i] = i;
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (char)(i * 37 + 1);
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
    assert_non_null(mac);
    for (size_t len = 0; len <= sizeof(data); len++) {
        size_t written = 0;
        EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
        assert_int_equal(EVP_MAC_init(ctx, key_bytes, sizeof(key_bytes), NULL), 1);
        assert_int_equal(EVP_MAC_update(ctx, (const unsigned char *)data, len), 1);
        assert_int_equal(EVP_MAC_final(ctx, expected, &written, sizeof(expected)), 1);
        EVP_MAC_CTX_free(ctx);
        assert_int_equal(written, 16);
        put(got, siphash_of(key, slice_of(data, len)));
        assert_memory_equal(got, expected, sizeof(got));
    }
    EVP_MAC_free(mac);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_what_its_authors_publish),
        cmocka_unit_test(agrees_with_openssl_for_every_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
