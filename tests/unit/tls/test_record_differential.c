/* The same bytes through our record layer and through OpenSSL: they read the same plaintext, end
 * alike and say the same alert, wherever the bytes are cut; and write the same bytes. */
#include "tests/fakes/fake_records.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

enum { ALERT = 21, HANDSHAKE = 22, DATA = 23 };

static struct fake_records_site site;
static struct fake_records f;
static struct fake_verdict ours, theirs;
static char wire[FAKE_RECORDS_MAX_BYTES], filler[FAKE_RECORDS_MAX_BYTES];

static int set_up(void **state)
{
    (void)state;
    fake_records_site_init(&site);
    for (size_t i = 0; i < sizeof(filler); i++)
        filler[i] = (char)(i % 251);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_records_site_fini(&site);
    return 0;
}

/* What a client sends in a case: returns the number of bytes in `wire`. */
typedef size_t (*script_fn)(void);

static size_t add(size_t at, uint8_t type, struct slice content, size_t zeros)
{
    return at + fake_records_forge(&f, type, content, zeros, wire + at);
}

static size_t add_update(size_t at, uint8_t request)
{
    return at + fake_records_forge_update(&f, request, wire + at);
}

static void assert_same(void)
{
    if (ours.event != theirs.event || ours.alert != theirs.alert)
        print_error("ours: event %d alert %d, OpenSSL's: event %d alert %d\n", ours.event,
                    ours.alert, theirs.event, theirs.alert);
    assert_int_equal(ours.event, theirs.event);
    assert_int_equal(ours.alert, theirs.alert);
    assert_int_equal(ours.plain_len, theirs.plain_len);
    assert_memory_equal(ours.plain, theirs.plain, ours.plain_len);
}

/* Cut at every position, on both sides, with each suite. */
static void read_everywhere(script_fn script)
{
    for (enum record_suite suite = 0; suite < RECORD_SUITES; suite++) {
        size_t len = 0;
        for (size_t cut = 0; cut == 0 || cut < len; cut++) {
            fake_records_init(&f, &site, suite, 0, 0);
            len = script();
            fake_records_read_cut(&f, slice_of(wire, len), cut, &ours, &theirs);
            assert_same();
            fake_records_fini(&f);
        }
    }
}

/* Ours is cut at every position, OpenSSL's, which has to shake hands each time, at some. */
static void read_quickly(script_fn script, enum record_suite suite)
{
    size_t len = 0;
    for (size_t at = 0; at == 0 || at < len; at += 37) {
        fake_records_init(&f, &site, suite, 0, 0);
        len = script();
        fake_records_read_cut(&f, slice_of(wire, len), at, &ours, &theirs);
        assert_same();
        for (size_t cut = 0; cut < len; cut++) {
            fake_records_begin_again(&f);
            fake_records_read_cut(&f, slice_of(wire, len), cut, &ours, NULL);
            assert_same();
        }
        fake_records_fini(&f);
    }
}

/* In pieces of a few sizes: for what is too long to be cut everywhere. */
static void read_in_steps(script_fn script)
{
    static const size_t steps[] = { FAKE_RECORDS_MAX_BYTES, 16384, 1000, 7, 1 };
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        fake_records_init(&f, &site, (enum record_suite)(i % RECORD_SUITES), 0, 0);
        size_t len = script();
        fake_records_read(&f, slice_of(wire, len), steps[i], &ours, &theirs);
        assert_same();
        fake_records_fini(&f);
    }
}

/* ---- reading ---- */

static size_t a_life(void)
{
    size_t n = add(0, DATA, SLICE("GET / HTTP/1.1\r\n\r\n"), 0);
    n = add(n, DATA, SLICE(""), 0);
    n = add(n, DATA, SLICE("padded"), 20);
    n = add_update(n, 0);
    n = add(n, DATA, SLICE("new keys"), 0);
    n = add_update(n, 1);
    n = add(n, ALERT, SLICE("\x01\x5a"), 0); /* user_canceled */
    n = add(n, DATA, SLICE("newer keys"), 3);
    n = add(n, ALERT, SLICE("\x01\x00"), 0);
    return add(n, DATA, SLICE("after the end"), 0);
}

static void a_whole_life_cut_anywhere(void **state)
{
    (void)state;
    read_everywhere(a_life);
    assert_int_equal(ours.event, RECORD_END);
    assert_int_equal(ours.plain_len, strlen("GET / HTTP/1.1\r\n\r\npaddednew keysnewer keys"));
}

static size_t an_update_in_pieces(void)
{
    size_t n = add(0, HANDSHAKE, SLICE("\x18"), 0);
    n = add(n, HANDSHAKE, SLICE("\x00\x00"), 9);
    n = add(n, HANDSHAKE, SLICE("\x01"), 0);
    n = add(n, HANDSHAKE, SLICE("\x01"), 0);
    assert_int_equal(record_keys_update(&site.engine, f.start.suite, &f.forger), 0);
    return add(n, DATA, SLICE("under new keys"), 0);
}

static void a_key_update_in_pieces(void **state)
{
    (void)state;
    read_everywhere(an_update_in_pieces);
    assert_int_equal(ours.event, RECORD_NEED_INPUT);
    assert_int_equal(ours.plain_len, strlen("under new keys"));
}

static size_t large_records(void)
{
    size_t n = add(0, DATA, slice_of(filler, RECORD_PLAIN_MAX_BYTES), 0);
    n = add(n, DATA, slice_of(filler, 100), RECORD_PLAIN_MAX_BYTES - 100);
    n = add(n, DATA, slice_of(filler, RECORD_PLAIN_MAX_BYTES - 1), 1);
    return add(n, DATA, slice_of(filler, 3), 0);
}

static void records_of_the_largest_size(void **state)
{
    (void)state;
    read_in_steps(large_records);
    assert_int_equal(ours.event, RECORD_NEED_INPUT);
    assert_int_equal(ours.plain_len, 2 * RECORD_PLAIN_MAX_BYTES + 102);
}

/* ---- what is refused ---- */

/* One bad record between two good ones: everything before it is read, nothing after it. */
static struct {
    uint8_t head[RECORD_HEAD_BYTES]; /* sent as it is, if not empty */
    uint8_t type;
    struct slice content;
    size_t zeros;
    enum record_alert alert;
} bad;

static size_t bad_record(void)
{
    size_t n = add(0, DATA, SLICE("good"), 0);
    if (bad.head[0]) {
        memcpy(wire + n, bad.head, RECORD_HEAD_BYTES);
        memset(wire + n + RECORD_HEAD_BYTES, 1, 40);
        n += RECORD_HEAD_BYTES + 40;
    } else {
        n = add(n, bad.type, bad.content, bad.zeros);
    }
    return add(n, DATA, SLICE("never read"), 0);
}

static void assert_refused(void)
{
    assert_int_equal(ours.event, RECORD_FAILED);
    assert_int_equal(ours.alert, bad.alert);
    assert_int_equal(ours.plain_len, 4);
}

static void contents_out_of_place(void **state)
{
    static const struct {
        uint8_t type;
        struct slice content;
        size_t zeros;
        enum record_alert alert;
    } cases[] = {
        { 0, { "", 0 }, 8, RECORD_ALERT_UNEXPECTED_MESSAGE }, /* no type */
        { 20, { "\x01", 1 }, 0, RECORD_ALERT_UNEXPECTED_MESSAGE },
        { 24, { "x", 1 }, 0, RECORD_ALERT_UNEXPECTED_MESSAGE }, /* heartbeat */
        { 255, { "x", 1 }, 0, RECORD_ALERT_UNEXPECTED_MESSAGE },
        { HANDSHAKE, { "", 0 }, 5, RECORD_ALERT_UNEXPECTED_MESSAGE },
        { ALERT, { "", 0 }, 0, RECORD_ALERT_UNEXPECTED_MESSAGE },
        { ALERT, { "\x02", 1 }, 0, RECORD_ALERT_UNEXPECTED_MESSAGE },
        { ALERT, { "\x01\x00\x01", 3 }, 0, RECORD_ALERT_UNEXPECTED_MESSAGE },
        { ALERT, { "\x02\x14", 2 }, 0, RECORD_ALERT_NONE }, /* the client's own failure */
        { ALERT, { "\x01\x2e", 2 }, 0, RECORD_ALERT_NONE }, /* whatever level it gives it */
        { HANDSHAKE, { "\x01\x00\x00\x02zz", 6 }, 0, RECORD_ALERT_UNEXPECTED_MESSAGE },
        { HANDSHAKE, { "\x04\x00\x00\x00", 4 }, 0, RECORD_ALERT_UNEXPECTED_MESSAGE },
        { HANDSHAKE, { "\x0b\x00\x00\x01z", 5 }, 0, RECORD_ALERT_UNEXPECTED_MESSAGE },
        { HANDSHAKE, { "\x00\x00\x00\x00", 4 }, 0, RECORD_ALERT_UNEXPECTED_MESSAGE },
        { HANDSHAKE, { "\x18\x00\x00\x01\x02", 5 }, 0, RECORD_ALERT_ILLEGAL_PARAMETER },
        { HANDSHAKE, { "\x18\x00\x00\x01\xff", 5 }, 0, RECORD_ALERT_ILLEGAL_PARAMETER },
        { HANDSHAKE, { "\x18\x00\x00\x02\x00\x00", 6 }, 0, RECORD_ALERT_ILLEGAL_PARAMETER },
        { HANDSHAKE, { "\x18\xff\xff\xff", 4 }, 0, RECORD_ALERT_ILLEGAL_PARAMETER },
        { HANDSHAKE, { "\x18\x00\x00\x00", 4 }, 0, RECORD_ALERT_DECODE_ERROR },
        { HANDSHAKE, { "\x18\x00\x00\x01\x00z", 6 }, 0, RECORD_ALERT_UNEXPECTED_MESSAGE },
        { HANDSHAKE,
          { "\x18\x00\x00\x01\x00\x18\x00\x00\x01\x00", 10 },
          0,
          RECORD_ALERT_UNEXPECTED_MESSAGE },
        { HANDSHAKE, { "\x18\x00", 2 }, 0, RECORD_ALERT_UNEXPECTED_MESSAGE }, /* data follows */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        memset(&bad, 0, sizeof(bad));
        bad.type = cases[i].type;
        bad.content = cases[i].content;
        bad.zeros = cases[i].zeros;
        bad.alert = cases[i].alert;
        read_quickly(bad_record, (enum record_suite)(i % RECORD_SUITES));
        assert_refused();
    }
}

static void heads_out_of_place(void **state)
{
    static const struct {
        uint8_t head[RECORD_HEAD_BYTES];
        enum record_alert alert;
    } cases[] = {
        { { 20, 3, 3, 0, 1 }, RECORD_ALERT_UNEXPECTED_MESSAGE },  /* change_cipher_spec */
        { { 21, 3, 3, 0, 2 }, RECORD_ALERT_UNEXPECTED_MESSAGE },  /* alert, not encrypted */
        { { 22, 3, 3, 0, 40 }, RECORD_ALERT_UNEXPECTED_MESSAGE }, /* ClientHello */
        { { 22, 3, 1, 0, 40 }, RECORD_ALERT_UNEXPECTED_MESSAGE },
        { { 24, 3, 3, 0, 40 }, RECORD_ALERT_UNEXPECTED_MESSAGE },
        { { 1, 3, 3, 0, 40 }, RECORD_ALERT_UNEXPECTED_MESSAGE },
        { { 23, 3, 1, 0, 40 }, RECORD_ALERT_DECODE_ERROR },
        { { 23, 3, 4, 0, 40 }, RECORD_ALERT_DECODE_ERROR },
        { { 23, 2, 3, 0, 40 }, RECORD_ALERT_PROTOCOL_VERSION },
        { { 'G', 'E', 'T', ' ', '/' }, RECORD_ALERT_PROTOCOL_VERSION },
        { { 23, 3, 3, 0x41, 1 }, RECORD_ALERT_RECORD_OVERFLOW },
        { { 23, 3, 3, 0xff, 0xff }, RECORD_ALERT_RECORD_OVERFLOW },
        { { 23, 3, 3, 0, 0 }, RECORD_ALERT_BAD_RECORD_MAC },
        { { 23, 3, 3, 0, 1 }, RECORD_ALERT_BAD_RECORD_MAC },
        { { 23, 3, 3, 0, 16 }, RECORD_ALERT_BAD_RECORD_MAC },
        { { 23, 3, 3, 0, 17 }, RECORD_ALERT_BAD_RECORD_MAC },
        { { 23, 3, 3, 0, 40 }, RECORD_ALERT_BAD_RECORD_MAC },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        memset(&bad, 0, sizeof(bad));
        memcpy(bad.head, cases[i].head, sizeof(bad.head));
        bad.alert = cases[i].alert;
        read_quickly(bad_record, (enum record_suite)(i % RECORD_SUITES));
        assert_refused();
    }
}

static size_t too_long(void)
{
    return add(0, DATA, slice_of(filler, RECORD_PLAIN_MAX_BYTES + 1), 0);
}

static void a_record_with_too_much_data(void **state)
{
    (void)state;
    read_in_steps(too_long);
    assert_int_equal(ours.event, RECORD_FAILED);
    assert_int_equal(ours.alert, RECORD_ALERT_RECORD_OVERFLOW);
}

static size_t data_in_a_message(void)
{
    size_t n = add(0, HANDSHAKE, SLICE("\x18\x00\x00\x01"), 0);
    return add(n, DATA, SLICE("between"), 0);
}

static void data_between_the_pieces_of_a_message(void **state)
{
    (void)state;
    read_quickly(data_in_a_message, RECORD_AES_128_GCM_SHA256);
    assert_int_equal(ours.event, RECORD_FAILED);
    assert_int_equal(ours.alert, RECORD_ALERT_UNEXPECTED_MESSAGE);
}

static unsigned repeat;

static size_t empty_records(void)
{
    size_t n = add(0, DATA, SLICE("before"), 0);
    for (unsigned i = 0; i < repeat; i++)
        n = add(n, DATA, SLICE(""), i % 3);
    return add(n, DATA, SLICE("after"), 0);
}

static size_t canceled_often(void)
{
    size_t n = add(0, DATA, SLICE("before"), 0);
    for (unsigned i = 0; i < repeat; i++)
        n = add(n, ALERT, SLICE("\x01\x5a"), 0);
    return add(n, DATA, SLICE("after"), 0);
}

static void empty_records_are_bounded_alike(void **state)
{
    (void)state;
    for (repeat = 30; repeat < 36; repeat++) {
        read_in_steps(empty_records);
        assert_int_equal(ours.event, repeat > 32 ? RECORD_FAILED : RECORD_NEED_INPUT);
    }
}

static void canceled_alerts_are_bounded_alike(void **state)
{
    (void)state;
    for (repeat = 2; repeat < 8; repeat++) {
        read_in_steps(canceled_often);
        assert_int_equal(ours.event, repeat > 4 ? RECORD_FAILED : RECORD_NEED_INPUT);
    }
}

/* RFC 6066 4: a client may want smaller records, and must then send such. */
static void smaller_records_are_kept_to_alike(void **state)
{
    (void)state;
    for (uint16_t most = 512; most <= 4096; most = (uint16_t)(most * 2)) {
        for (size_t more = 0; more < 2; more++) {
            size_t len = 0;
            fake_records_init(&f, &site, RECORD_AES_128_GCM_SHA256, 1, most);
            assert_true(fake_records_write(&f, slice_of(filler, 10000), wire, &len));
            len = add(0, DATA, slice_of(filler, most + more), 0);
            fake_records_read(&f, slice_of(wire, len), len, &ours, &theirs);
            assert_same();
            assert_int_equal(ours.event, more ? RECORD_FAILED : RECORD_NEED_INPUT);
            fake_records_fini(&f);
        }
    }
}

/* ---- writing ---- */

static void assert_writes(struct slice data)
{
    size_t len;
    assert_true(fake_records_write(&f, data, wire, &len));
}

static void the_same_bytes_are_written(void **state)
{
    static const size_t sizes[] = { 1, 2, 15, 16, 17, 1000, 16383, 16384, 16385, 40000, 65536 };
    size_t len;
    (void)state;
    for (enum record_suite suite = 0; suite < RECORD_SUITES; suite++) {
        for (unsigned tickets = 0; tickets < 4; tickets++) {
            fake_records_init(&f, &site, suite, tickets, 0);
            for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
                assert_writes(slice_of(filler, sizes[i]));
            assert_true(fake_records_shutdown(&f, wire, &len));
            fake_records_fini(&f);
        }
    }
}

static void updates_that_were_asked_for_are_written_alike(void **state)
{
    (void)state;
    for (enum record_suite suite = 0; suite < RECORD_SUITES; suite++) {
        fake_records_init(&f, &site, suite, 2, 0);
        for (unsigned round = 0; round < 6; round++) {
            uint8_t request = round % 2;
            assert_writes(SLICE("before"));
            fake_records_read(&f, slice_of(wire, add_update(0, request)), 10, &ours, &theirs);
            assert_same();
            assert_int_equal(f.ours.update_owed, request);
            assert_writes(SLICE("after"));
            assert_false(f.ours.update_owed);
            assert_writes(slice_of(filler, 20000));
        }
        fake_records_fini(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_life_cut_anywhere),
        cmocka_unit_test(a_key_update_in_pieces),
        cmocka_unit_test(records_of_the_largest_size),
        cmocka_unit_test(contents_out_of_place),
        cmocka_unit_test(heads_out_of_place),
        cmocka_unit_test(a_record_with_too_much_data),
        cmocka_unit_test(data_between_the_pieces_of_a_message),
        cmocka_unit_test(empty_records_are_bounded_alike),
        cmocka_unit_test(canceled_alerts_are_bounded_alike),
        cmocka_unit_test(smaller_records_are_kept_to_alike),
        cmocka_unit_test(the_same_bytes_are_written),
        cmocka_unit_test(updates_that_were_asked_for_are_written_alike),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
