#include "bench/load/payload.h"

#include "bench/node/seed.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct payload payload;

static void digest_of(uint64_t bytes, struct node_digest *digest)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_DigestInit_ex(context, EVP_sha256(), NULL);
    for (uint64_t at = 0; at < bytes;) {
        struct slice piece = payload_piece(&payload, at, MIN(bytes - at, 1000));
        EVP_DigestUpdate(context, piece.data, piece.len);
        at += piece.len;
    }
    node_digest_finish(digest, context);
    EVP_MD_CTX_free(context);
}

static void sizes_go_from_the_smallest_to_the_largest(void **state)
{
    (void)state;
    payload_init(&payload, 1, 1000, 300000);
    assert_true(payload.files[0].bytes == 1000);
    assert_true(payload.files[PAYLOAD_SIZES - 1].bytes == 300000);
    for (size_t i = 1; i < PAYLOAD_SIZES; i++)
        assert_true(payload.files[i].bytes > payload.files[i - 1].bytes);
    payload_fini(&payload);
}

static void every_digest_is_that_of_the_content(void **state)
{
    (void)state;
    struct node_digest digest;
    payload_init(&payload, 2, 1, 200000);
    for (size_t i = 0; i < PAYLOAD_SIZES; i++) {
        digest_of(payload.files[i].bytes, &digest);
        assert_string_equal(payload.files[i].digest.hex, digest.hex);
    }
    payload_fini(&payload);
}

static void one_size_is_enough(void **state)
{
    (void)state;
    struct random random;
    seed_random(&random, 1);
    payload_init(&payload, 3, 70000, 70000);
    assert_true(payload_draw(&payload, &random)->bytes == 70000);
    assert_true(payload_piece(&payload, 65530, 70000).len == 6);
    assert_true(payload_piece(&payload, 65536, 4464).len == 4464);
    payload_fini(&payload);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_go_from_the_smallest_to_the_largest),
        cmocka_unit_test(every_digest_is_that_of_the_content),
        cmocka_unit_test(one_size_is_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
