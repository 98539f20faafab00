#include "bench/load/h2_frame.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct buf out;
static struct h2_frame frame;

static int set_up(void **state)
{
    (void)state;
    buf_init(&out, 100000);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buf_fini(&out);
    return 0;
}

static void reads_what_it_writes(void **state)
{
    (void)state;
    h2_frame_write(&out, H2_DATA, H2_FLAG_END_STREAM, 5, SLICE("hello"));
    h2_frame_write_u32(&out, H2_WINDOW_UPDATE, 7, 70000);
    struct slice input = buf_slice(&out);
    assert_int_equal(h2_frame_next(&input, &frame), H2_FRAME_READY);
    assert_int_equal(frame.type, H2_DATA);
    assert_int_equal(frame.flags, H2_FLAG_END_STREAM);
    assert_int_equal(frame.stream, 5);
    assert_true(slice_eq(frame.payload, SLICE("hello")));
    assert_int_equal(h2_frame_next(&input, &frame), H2_FRAME_READY);
    assert_int_equal(frame.stream, 7);
    assert_int_equal(h2_frame_u32(frame.payload, 0), 70000);
    assert_int_equal(input.len, 0);
}

static void waits_for_a_whole_frame(void **state)
{
    (void)state;
    h2_frame_write(&out, H2_PING, 0, 0, SLICE("12345678"));
    for (size_t len = 0; len < out.len; len++) {
        struct slice input = slice_of(out.data, len);
        assert_int_equal(h2_frame_next(&input, &frame), H2_FRAME_MORE);
        assert_int_equal(input.len, len);
    }
}

static void refuses_more_than_it_has_allowed(void **state)
{
    (void)state;
    struct slice input = SLICE("\x00\x40\x01\x00\x00\x00\x00\x00\x01");
    assert_int_equal(h2_frame_next(&input, &frame), H2_FRAME_TOO_LARGE);
}

static void ignores_the_reserved_bit_of_the_stream(void **state)
{
    (void)state;
    struct slice input = SLICE("\x00\x00\x00\x00\x00\x80\x00\x00\x01");
    assert_int_equal(h2_frame_next(&input, &frame), H2_FRAME_READY);
    assert_int_equal(frame.stream, 1);
}

static bool strip(uint8_t type, uint8_t flags, struct slice payload)
{
    frame = (struct h2_frame){ .type = type, .flags = flags, .payload = payload };
    return h2_frame_strip(&frame);
}

static void takes_off_padding_and_priority(void **state)
{
    (void)state;
    assert_true(strip(H2_DATA, H2_FLAG_PADDED, SLICE("\x02hello\0\0")));
    assert_true(slice_eq(frame.payload, SLICE("hello")));
    assert_true(strip(H2_HEADERS, H2_FLAG_PADDED | H2_FLAG_PRIORITY,
                      SLICE("\x01"
                            "12345hello\0")));
    assert_true(slice_eq(frame.payload, SLICE("hello")));
    assert_true(strip(H2_CONTINUATION, H2_FLAG_PADDED, SLICE("\x02hello")));
    assert_true(slice_eq(frame.payload, SLICE("\x02hello")));
}

static void refuses_padding_longer_than_the_frame(void **state)
{
    (void)state;
    assert_false(strip(H2_DATA, H2_FLAG_PADDED, SLICE("\x06hello")));
    assert_false(strip(H2_DATA, H2_FLAG_PADDED, SLICE("")));
    assert_false(strip(H2_HEADERS, H2_FLAG_PRIORITY, SLICE("1234")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_what_it_writes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(waits_for_a_whole_frame, set_up, tear_down),
        cmocka_unit_test(refuses_more_than_it_has_allowed),
        cmocka_unit_test(ignores_the_reserved_bit_of_the_stream),
        cmocka_unit_test(takes_off_padding_and_priority),
        cmocka_unit_test(refuses_padding_longer_than_the_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
