#include "store/redis_reader.h"

#include "store/redis_reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define MIB ((size_t)1024 * 1024)

static struct redis_reader *reader;

static int set_up(void **state)
{
    (void)state;
    reader = redis_reader_new();
    return reader ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    redis_reader_free(&reader);
    return reader ? -1 : 0;
}

/* Returns why there is no going on, or NULL. */
static const char *feed(struct slice bytes)
{
    const char *why = redis_reader_feed(reader, bytes);
    struct redisReply *reply = why ? NULL : redis_reader_next(reader, &why);
    for (; reply; reply = redis_reader_next(reader, &why))
        freeReplyObject(reply);
    return why;
}

static void replies_come_one_after_the_other(void **state)
{
    (void)state;
    const char *why;
    int64_t value;
    assert_null(redis_reader_feed(reader, SLICE(":42\r\n*2\r\n$1\r\na\r\n+OK\r\n$4\r\nhal")));
    struct redisReply *reply = redis_reader_next(reader, &why);
    assert_true(redis_reply_integer(reply, &value) && value == 42);
    freeReplyObject(reply);
    reply = redis_reader_next(reader, &why);
    assert_int_equal(redis_reply_count(reply), 2);
    freeReplyObject(reply);
    assert_null(redis_reader_next(reader, &why));
    assert_null(why);
    assert_null(redis_reader_feed(reader, SLICE("f\r\n")));
    reply = redis_reader_next(reader, &why);
    assert_true(slice_eq(redis_reply_text(reply), SLICE("half")));
    freeReplyObject(reply);
}

static void what_is_no_resp_ends_the_reading(void **state)
{
    (void)state;
    assert_non_null(feed(SLICE("HTTP/1.1 200 OK\r\n")));
}

static void arrays_share_what_room_there_is(void **state)
{
    (void)state;
    assert_null(feed(SLICE("*40000\r\n")));
    assert_non_null(feed(SLICE("*40000\r\n")));
}

static void an_array_that_is_too_large_ends_the_reading(void **state)
{
    (void)state;
    assert_non_null(feed(SLICE("*2147483647\r\n")));
}

static void room_is_there_again_with_the_next_reply(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_null(feed(SLICE("*40000\r\n")));
        for (int k = 0; k < 40000; k++)
            assert_null(feed(SLICE(":1\r\n")));
    }
}

static void a_reply_without_end_ends_the_reading(void **state)
{
    (void)state;
    char *filler = calloc(1, MIB);
    const char *why = feed(SLICE("$500000000\r\n"));
    for (size_t i = 0; i < 16 && !why; i++)
        why = feed(slice_of(filler, MIB));
    assert_non_null(why);
    free(filler);
}

static void many_elements_without_end_end_the_reading(void **state)
{
    (void)state;
    const char *why = feed(SLICE("*60000\r\n"));
    char element[1024] = "$1014\r\n";
    memcpy(element + 7 + 1014, "\r\n", 2);
    for (size_t i = 0; i < 16 * 1024 && !why; i++)
        why = feed(slice_of(element, 7 + 1014 + 2));
    assert_non_null(why);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(replies_come_one_after_the_other),
        TEST(what_is_no_resp_ends_the_reading),
        TEST(arrays_share_what_room_there_is),
        TEST(an_array_that_is_too_large_ends_the_reading),
        TEST(room_is_there_again_with_the_next_reply),
        TEST(a_reply_without_end_ends_the_reading),
        TEST(many_elements_without_end_end_the_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
