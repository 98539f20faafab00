/* What a node knows of its own dispatches, when Redis says that a key is new. */
#include "store/dispatches.h"

#include "tests/unit/store/limits_scene.h"

static const struct submission_about about = { "AAAA-BBBB-CCCC", "dossiers", "portal", false };
static struct limits_scene s;

static int begin(void **state)
{
    (void)state;
    limits_scene_open(&s);
    return 0;
}

static int end(void **state)
{
    (void)state;
    limits_scene_close(&s);
    return 0;
}

static struct submission_op attempt(uint64_t owner, uint32_t fence)
{
    return (struct submission_op){ .key = { 1 },
                                   .fingerprint = { 2 },
                                   .about = &about,
                                   .owner = owner,
                                   .fence = fence,
                                   .lease_ms = DAY_MS,
                                   .ttl_ms = DAY_MS };
}

static struct submission_op sent(uint64_t owner, uint32_t fence)
{
    struct submission_op op = attempt(owner, fence);
    assert_true(dispatches_note_sent(&s.store, &op));
    return op;
}

static void ended(struct submission_op *op, enum submission_ends ending)
{
    op->ending = ending;
    dispatches_note_end(&s.store, op);
}

static uint32_t doubts(void)
{
    return atomic_load(&store_region_node(s.region)->dispatches_doubted);
}

static void key_that_is_not_known_is_new(void **state)
{
    (void)state;
    struct submission_op op = attempt(1, 1);
    assert_int_equal(dispatches_judge(&s.store, &op), SUBMISSION_NEW);
    assert_int_equal(doubts(), 0);
}

static void dispatch_under_way_is_busy_and_a_sign_of_loss(void **state)
{
    (void)state;
    sent(1, 1);
    struct submission_op op = attempt(2, 1);
    assert_int_equal(dispatches_judge(&s.store, &op), SUBMISSION_BUSY);
    assert_true(op.retry_ms > 0 && op.retry_ms <= DAY_MS);
    assert_int_equal(doubts(), 1);
}

static void a_higher_fence_alone_does_not_make_it_known_to_redis(void **state)
{
    (void)state;
    sent(1, 1);
    struct submission_op op = attempt(2, 2);
    assert_int_equal(dispatches_judge(&s.store, &op), SUBMISSION_BUSY);
}

static void attempt_that_redis_calls_doubtful_may_go_on(void **state)
{
    (void)state;
    sent(1, 1);
    struct submission_op op = attempt(2, 2);
    op.doubtful = true;
    assert_int_equal(dispatches_judge(&s.store, &op), SUBMISSION_NEW);
    op.fence = 1;
    assert_int_equal(dispatches_judge(&s.store, &op), SUBMISSION_BUSY);
}

static void answered_one_is_answered(void **state)
{
    (void)state;
    struct submission_op first = sent(1, 1);
    first.status = 201;
    ended(&first, SUBMISSION_ENDS_ANSWERED);
    struct submission_op op = attempt(2, 1);
    assert_int_equal(dispatches_judge(&s.store, &op), SUBMISSION_COMPLETE);
    assert_int_equal(op.status, 201);
    assert_false(op.whole);
    op.fingerprint[0] = 3;
    assert_int_equal(dispatches_judge(&s.store, &op), SUBMISSION_MISMATCH);
}

static void one_in_doubt_is_unknown_or_waits_to_be_asked_about(void **state)
{
    (void)state;
    struct submission_op first = sent(1, 1);
    ended(&first, SUBMISSION_ENDS_IN_DOUBT);
    struct submission_op op = attempt(2, 1);
    assert_int_equal(dispatches_judge(&s.store, &op), SUBMISSION_UNKNOWN);
    op.take_over = true;
    assert_int_equal(dispatches_judge(&s.store, &op), SUBMISSION_UNAVAILABLE);
}

static void one_whose_owner_has_had_its_time_is_unknown(void **state)
{
    (void)state;
    struct submission_op first = attempt(1, 1);
    first.lease_ms = 0;
    assert_true(dispatches_note_sent(&s.store, &first));
    struct submission_op op = attempt(2, 1);
    assert_int_equal(dispatches_judge(&s.store, &op), SUBMISSION_UNKNOWN);
}

static void released_one_is_forgotten(void **state)
{
    (void)state;
    struct submission_op first = sent(1, 1);
    ended(&first, SUBMISSION_ENDS_RELEASED);
    struct submission_op op = attempt(2, 2);
    assert_int_equal(dispatches_judge(&s.store, &op), SUBMISSION_NEW);
}

static void released_one_that_was_sent_before_stays_in_doubt(void **state)
{
    (void)state;
    struct submission_op again = attempt(2, 2);
    again.doubtful = true;
    assert_true(dispatches_note_sent(&s.store, &again));
    ended(&again, SUBMISSION_ENDS_RELEASED);
    struct submission_op op = attempt(3, 1);
    assert_int_equal(dispatches_judge(&s.store, &op), SUBMISSION_UNKNOWN);
}

static void what_the_backend_says_without_a_dispatch_is_known(void **state)
{
    (void)state;
    struct submission_op asked = attempt(2, 2);
    asked.doubtful = true;
    asked.since_ms = 1000;
    ended(&asked, SUBMISSION_ENDS_ANSWERED);
    struct submission_op op = attempt(3, 1);
    assert_int_equal(dispatches_judge(&s.store, &op), SUBMISSION_COMPLETE);
    assert_int_equal(op.since_ms, 1000);
}

static void an_earlier_attempt_ends_nothing(void **state)
{
    (void)state;
    struct submission_op former = sent(1, 1), later = attempt(2, 2), op = attempt(3, 1);
    later.doubtful = true;
    assert_true(dispatches_note_sent(&s.store, &later));
    ended(&former, SUBMISSION_ENDS_ANSWERED);
    assert_int_equal(dispatches_judge(&s.store, &op), SUBMISSION_BUSY);
}

static void backend_that_stores_a_key_once_is_no_matter(void **state)
{
    (void)state;
    struct submission_op op = attempt(1, 1);
    op.about = NULL;
    assert_true(dispatches_note_sent(&s.store, &op));
    assert_int_equal(shm_table_count(s.store.tables[STORE_DISPATCHES]), 0);
    assert_int_equal(dispatches_judge(&s.store, &op), SUBMISSION_NEW);
}

static void long_names_are_cut(void **state)
{
    (void)state;
    char name[100];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    const struct submission_about wordy = { name, name, name, true };
    struct submission_op op = attempt(1, 1);
    op.about = &wordy;
    assert_true(dispatches_note_sent(&s.store, &op));
    const struct dispatch_record *r = dispatches_lock(&s.store, op.key, 1, 1);
    assert_non_null(r);
    assert_int_equal(strlen(r->route), DISPATCH_NAME_BYTES - 1);
    assert_int_equal(strlen(r->upstream), DISPATCH_NAME_BYTES - 1);
    assert_int_equal(strlen(r->reference), DISPATCH_REFERENCE_BYTES - 1);
    dispatches_unlock(&s.store, op.key);
    assert_null(dispatches_lock(&s.store, op.key, 1, 2));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(key_that_is_not_known_is_new),
        TEST(dispatch_under_way_is_busy_and_a_sign_of_loss),
        TEST(a_higher_fence_alone_does_not_make_it_known_to_redis),
        TEST(attempt_that_redis_calls_doubtful_may_go_on),
        TEST(answered_one_is_answered),
        TEST(one_in_doubt_is_unknown_or_waits_to_be_asked_about),
        TEST(one_whose_owner_has_had_its_time_is_unknown),
        TEST(released_one_is_forgotten),
        TEST(released_one_that_was_sent_before_stays_in_doubt),
        TEST(what_the_backend_says_without_a_dispatch_is_known),
        TEST(an_earlier_attempt_ends_nothing),
        TEST(backend_that_stores_a_key_once_is_no_matter),
        TEST(long_names_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
