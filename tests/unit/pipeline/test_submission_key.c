#include "pipeline/submission_key.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint8_t secret[32] = "a secret of 32 bytes, no more...";
static const uint8_t other[32] = "another secret of 32 bytes......";

static void form_keys_are_good_for_their_time(void **state)
{
    (void)state;
    char text[SUBMISSION_FORM_KEY_LEN];
    uint64_t now_ms = 1800000000000;
    submission_key_make(secret, now_ms, text);
    struct slice key = slice_of(text, sizeof(text));
    assert_true(submission_key_is_ours(secret, key, now_ms, 60000));
    assert_true(submission_key_is_ours(secret, key, now_ms + 59000, 60000));
    assert_false(submission_key_is_ours(secret, key, now_ms + 60000, 60000));
    assert_false(submission_key_is_ours(other, key, now_ms, 60000));
    text[10] = text[10] == 'A' ? 'B' : 'A';
    assert_false(submission_key_is_ours(secret, key, now_ms, 60000));
    assert_false(submission_key_is_ours(secret, slice_of(text, 10), now_ms, 60000));
}

static void no_two_form_keys_are_alike(void **state)
{
    (void)state;
    char one[SUBMISSION_FORM_KEY_LEN], two[SUBMISSION_FORM_KEY_LEN];
    submission_key_make(secret, 1, one);
    submission_key_make(secret, 1, two);
    assert_memory_not_equal(one, two, sizeof(one));
}

static void tokens_carry_a_hash_and_are_signed(void **state)
{
    (void)state;
    char text[SUBMISSION_TOKEN_LEN];
    uint8_t hash[DIGEST_BYTES] = "hash", found[DIGEST_BYTES];
    submission_key_make_token(secret, hash, text);
    struct slice token = slice_of(text, sizeof(text));
    assert_true(submission_key_read_token(secret, token, found));
    assert_memory_equal(hash, found, sizeof(hash));
    assert_false(submission_key_read_token(other, token, found));
    text[0] = text[0] == 'A' ? 'B' : 'A';
    assert_false(submission_key_read_token(secret, token, found));
}

static void user_route_and_key_do_not_run_into_each_other(void **state)
{
    (void)state;
    uint8_t one[DIGEST_BYTES], two[DIGEST_BYTES];
    submission_key_hash(SLICE("ab"), SLICE("c"), SLICE("d"), one);
    submission_key_hash(SLICE("a"), SLICE("bc"), SLICE("d"), two);
    assert_memory_not_equal(one, two, sizeof(one));
    submission_key_hash(SLICE("ab"), SLICE("c"), SLICE("d"), two);
    assert_memory_equal(one, two, sizeof(one));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(form_keys_are_good_for_their_time),
        cmocka_unit_test(no_two_form_keys_are_alike),
        cmocka_unit_test(tokens_carry_a_hash_and_are_signed),
        cmocka_unit_test(user_route_and_key_do_not_run_into_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
