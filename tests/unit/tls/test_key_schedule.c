/* Ours and that of OpenSSL's default provider derive the same, whatever is asked for. */
#include "tls/key_schedule.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define ROUNDS 200

struct question {
    int mode;
    const char *hash;
    struct slice key, salt, label, context;
};

static const struct {
    const char *name;
    size_t bytes;
} hashes[] = { { "SHA256", 32 }, { "SHA2-384", 48 } };

static uint8_t noise[4][48];

static int set_up(void **state)
{
    struct err e = { "" };
    (void)state;
    assert_int_equal(key_schedule_init(&e), 0);
    assert_int_equal(key_schedule_init(&e), 0); /* once is enough */
    return 0;
}

static int make_noise(void **state)
{
    (void)state;
    return RAND_bytes(noise[0], sizeof(noise)) == 1 ? 0 : -1;
}

static struct slice some(size_t which, size_t len)
{
    return slice_of((const char *)noise[which], len);
}

static OSSL_PARAM octets(const char *name, struct slice bytes)
{
    return OSSL_PARAM_construct_octet_string(name, (void *)bytes.data, bytes.len);
}

static int ask(const char *properties, const struct question *q, uint8_t *out, size_t len)
{
    int mode = q->mode;
    OSSL_PARAM params[8], *p = params;
    *p++ = OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode);
    *p++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)q->hash, 0);
    *p++ = octets(OSSL_KDF_PARAM_PREFIX, SLICE("tls13 "));
    *p++ = octets(OSSL_KDF_PARAM_LABEL, q->label);
    if (q->key.data)
        *p++ = octets(OSSL_KDF_PARAM_KEY, q->key);
    if (q->salt.data)
        *p++ = octets(OSSL_KDF_PARAM_SALT, q->salt);
    if (q->context.data)
        *p++ = octets(OSSL_KDF_PARAM_DATA, q->context);
    *p = OSSL_PARAM_construct_end();
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF, properties);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    assert_non_null(ctx);
    int rc = EVP_KDF_derive(ctx, out, len, params);
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    return rc;
}

static void assert_same(const struct question *q, size_t len)
{
    uint8_t ours[64] = { 0 }, theirs[64] = { 1 };
    assert_int_equal(ask(KEY_SCHEDULE_PROPERTIES, q, ours, len), 1);
    assert_int_equal(ask("provider=default", q, theirs, len), 1);
    assert_memory_equal(ours, theirs, len);
}

/* ---- whose it is ---- */

static void assert_provider(const char *properties, const char *expected)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF, properties);
    assert_non_null(kdf);
    assert_string_equal(OSSL_PROVIDER_get0_name(EVP_KDF_get0_provider(kdf)), expected);
    EVP_KDF_free(kdf);
}

static void only_who_asks_for_ours_gets_it(void **state)
{
    (void)state;
    assert_provider(KEY_SCHEDULE_PROPERTIES, "cong");
    assert_provider(NULL, "default");
    EVP_MD *hash = EVP_MD_fetch(NULL, "SHA256", KEY_SCHEDULE_PROPERTIES);
    assert_string_equal(OSSL_PROVIDER_get0_name(EVP_MD_get0_provider(hash)), "default");
    EVP_MD_free(hash);
}

/* ---- what it derives ---- */

static void expands_as_openssl_does(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        size_t bytes = hashes[round % 2].bytes;
        make_noise(NULL);
        struct question q = { .mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY,
                              .hash = hashes[round % 2].name,
                              .key = some(0, bytes),
                              .label = some(1, 1 + (size_t)round % 12),
                              .context = some(2, round % 3 ? bytes : 0) };
        assert_same(&q, 1 + (size_t)round % bytes);
        assert_same(&q, bytes); /* with the key that it has */
    }
}

static void extracts_as_openssl_does(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        size_t bytes = hashes[round % 2].bytes;
        make_noise(NULL);
        struct question q = { .mode = EVP_KDF_HKDF_MODE_EXTRACT_ONLY,
                              .hash = hashes[round % 2].name,
                              .label = SLICE("derived") };
        if (round & 2)
            q.key = some(0, round & 8 ? bytes : 32); /* a shared secret, of a curve's size */
        if (round & 4)
            q.salt = some(1, bytes);
        assert_same(&q, bytes);
    }
}

static void what_it_does_not_do_it_refuses(void **state)
{
    (void)state;
    uint8_t out[64];
    const struct question good = { .mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY,
                                   .hash = "SHA256",
                                   .key = some(0, 32),
                                   .label = SLICE("key") };
    struct question q[] = { good, good, good, good, good, good, good };
    q[0].hash = "SHA512";
    q[1].key = some(0, 33);
    q[2].key = slice_of(NULL, 0);
    q[3].label = slice_of((const char *)noise[1], 27);
    q[4].mode = EVP_KDF_HKDF_MODE_EXTRACT_AND_EXPAND;
    q[5].context = slice_of((const char *)noise[0], 49);
    q[6].mode = EVP_KDF_HKDF_MODE_EXTRACT_ONLY; /* 16 bytes of it */
    assert_int_equal(ask(KEY_SCHEDULE_PROPERTIES, &good, out, 16), 1);
    assert_true(ask(KEY_SCHEDULE_PROPERTIES, &good, out, 33) <= 0);
    for (size_t i = 0; i < ARRAY_LEN(q); i++)
        assert_true(ask(KEY_SCHEDULE_PROPERTIES, &q[i], out, 16) <= 0);
}

/* ---- who hears of it ---- */

struct ear {
    struct traffic_listener listener;
    unsigned heard[2];
    uint8_t secret[2][32];
};

static void on_secret(struct traffic_listener *l, enum traffic_side side, struct slice secret)
{
    struct ear *ear = CONTAINER_OF(l, struct ear, listener);
    ear->heard[side]++;
    assert_int_equal(secret.len, 32);
    memcpy(ear->secret[side], secret.data, 32);
}

static void the_two_traffic_secrets_are_told_and_no_other(void **state)
{
    static const char *const labels[] = { "c hs traffic", "s hs traffic", "exp master",
                                          "c ap traffic", "s ap traffic", "res master",
                                          "traffic upd",  "key",          "c ap traffic2" };
    struct ear ear = { .listener = { on_secret } };
    uint8_t out[ARRAY_LEN(labels)][32];
    (void)state;
    for (int is_heard = 0; is_heard < 2; is_heard++) {
        key_schedule_listen(is_heard ? &ear.listener : NULL);
        for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
            struct question q = { .mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY,
                                  .hash = "SHA256",
                                  .key = some(0, 32),
                                  .label = slice_str(labels[i]) };
            assert_int_equal(ask(KEY_SCHEDULE_PROPERTIES, &q, out[i], 32), 1);
        }
        assert_int_equal(ear.heard[TRAFFIC_CLIENT], is_heard);
        assert_int_equal(ear.heard[TRAFFIC_SERVER], is_heard);
    }
    key_schedule_listen(NULL);
    key_schedule_forget();
    assert_memory_equal(ear.secret[TRAFFIC_CLIENT], out[3], 32);
    assert_memory_equal(ear.secret[TRAFFIC_SERVER], out[4], 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_who_asks_for_ours_gets_it),
        cmocka_unit_test_setup(expands_as_openssl_does, make_noise),
        cmocka_unit_test_setup(extracts_as_openssl_does, make_noise),
        cmocka_unit_test_setup(what_it_does_not_do_it_refuses, make_noise),
        cmocka_unit_test_setup(the_two_traffic_secrets_are_told_and_no_other, make_noise),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
