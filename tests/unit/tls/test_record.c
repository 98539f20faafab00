/* What the record layer does where OpenSSL's does otherwise or nothing; the rest is in
 * test_record_differential.c. */
#include "tests/fakes/fake_records.h"
#include "tests/unit/tls/hex.h"

#include <malloc.h>
#include <openssl/err.h>

enum { ALERT = 21, HANDSHAKE = 22, DATA = 23 };

static struct fake_records_site site;
static struct fake_records f;
static struct fake_verdict ours;
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

static int begin(void **state)
{
    (void)state;
    fake_records_init(&f, &site, RECORD_AES_128_GCM_SHA256, 0, 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    fake_records_fini(&f);
    return 0;
}

static void read_wire(size_t len)
{
    fake_records_read_cut(&f, slice_of(wire, len), len, &ours, NULL);
}

static size_t seal(struct slice data)
{
    size_t len = 0;
    while (data.len) {
        size_t n = record_seal(&f.ours, &site.engine, &data, (uint8_t *)wire + len);
        assert_true(n > 0);
        len += n;
    }
    return len;
}

/* OpenSSL's client reads what is on the wire. */
static void assert_client_reads(size_t len, struct slice expected)
{
    static char got[FAKE_RECORDS_MAX_BYTES];
    size_t total = 0, n;
    assert_int_equal(BIO_write(SSL_get_rbio(f.client), wire, (int)len), len);
    while (SSL_read_ex(f.client, got + total, sizeof(got) - total, &n) == 1)
        total += n;
    assert_int_equal(total, expected.len);
    assert_memory_equal(got, expected.data, total);
}

/* ---- RFC 8448 3 ---- */

static void the_life_of_rfc_8448(void **state)
{
    static const struct {
        const char *client, *server;
    } records[] = {
        { "1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395b"
          "d54a9a20441e2b62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4",
          "17030300432e937e11ef4ac740e538ad36005fc4a46932fc3225d05f82aa1b36e30efaf97d90e6dffc"
          "602dcb501a59a8fcc49c4bf2e5f0a21c0047c2abf332540dd032e167c2955d" },
        { "1703030013c9872760655666b74d7ff1153efd6db6d0b0e3",
          "1703030013b58fd67166ebf599d24720cfbe7efa7a8864a9" },
    };
    (void)state;
    struct record_start start = { .suite = RECORD_AES_128_GCM_SHA256,
                                  .server_sequence = 1, /* the ticket */
                                  .plain_max = RECORD_PLAIN_MAX_BYTES };
    from_hex("9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5",
             start.client_secret);
    from_hex("a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643",
             start.server_secret);
    struct record r;
    uint8_t in[128], out[RECORD_SEALED_MAX_BYTES];
    char room[2 * RECORD_BODY_MAX_BYTES];
    struct record_plain plain = { .data = room, .size = sizeof(room) };
    assert_int_equal(record_init(&r, &site.engine, &start), 0);

    struct slice input = slice_of((char *)in, from_hex(records[0].client, in));
    assert_int_equal(record_read(&r, &site.engine, &input, &plain), RECORD_NEED_INPUT);
    assert_int_equal(plain.len, 50);
    for (size_t i = 0; i < plain.len; i++)
        assert_int_equal(room[i], i);
    struct slice data = slice_of(room, plain.len);
    assert_int_equal(record_seal(&r, &site.engine, &data, out), strlen(records[0].server) / 2);
    assert_int_equal(data.len, 0);
    from_hex(records[0].server, in);
    assert_memory_equal(out, in, strlen(records[0].server) / 2);

    input = slice_of((char *)in, from_hex(records[1].client, in));
    assert_int_equal(record_read(&r, &site.engine, &input, &plain), RECORD_END);
    assert_int_equal(record_seal_alert(&r, &site.engine, RECORD_ALERT_CLOSE_NOTIFY, out),
                     strlen(records[1].server) / 2);
    from_hex(records[1].server, in);
    assert_memory_equal(out, in, strlen(records[1].server) / 2);
    record_fini(&r, &site.engine);
}

/* ---- key updates ---- */

static void several_requests_get_one_update(void **state)
{
    (void)state;
    size_t len = 0;
    for (int i = 0; i < 5; i++)
        len += fake_records_forge_update(&f, 1, wire + len);
    read_wire(len);
    assert_int_equal(ours.event, RECORD_NEED_INPUT);
    len = seal(SLICE("answer"));
    assert_int_equal(len, 2 * RECORD_OVERHEAD_BYTES + RECORD_KEY_UPDATE_BYTES + 6);
    assert_client_reads(len, SLICE("answer"));
    len = seal(SLICE("and on"));
    assert_int_equal(len, RECORD_OVERHEAD_BYTES + 6);
    assert_client_reads(len, SLICE("and on"));
}

static void requests_from_openssl_are_met(void **state)
{
    (void)state;
    for (size_t i = 0; i < 50; i++) {
        char *sent;
        assert_int_equal(SSL_key_update(f.client, i % 2 ? SSL_KEY_UPDATE_REQUESTED
                                                        : SSL_KEY_UPDATE_NOT_REQUESTED),
                         1);
        assert_int_equal(SSL_write(f.client, "hello", 5), 5);
        size_t len = (size_t)BIO_get_mem_data(SSL_get_wbio(f.client), &sent);
        fake_records_read_cut(&f, slice_of(sent, len), i % len, &ours, NULL);
        assert_int_equal(BIO_reset(SSL_get_wbio(f.client)), 1);
        assert_int_equal(ours.plain_len, 5);
        assert_client_reads(seal(slice_of(filler, 1000 * i + 1)), slice_of(filler, 1000 * i + 1));
    }
}

/* RFC 8446 5.5: before a key has protected too much. */
static void our_keys_are_changed_in_time(void **state)
{
    (void)state;
    uint8_t first_key[RECORD_KEY_MAX_BYTES];
    memcpy(first_key, f.ours.write.key, sizeof(first_key));
    f.ours.write.sequence = RECORD_KEY_LIFETIME - 1;
    assert_int_equal(seal(SLICE("last")), RECORD_OVERHEAD_BYTES + 4);
    assert_memory_equal(f.ours.write.key, first_key, sizeof(first_key));
    size_t len = seal(SLICE("next"));
    assert_int_equal(len, 2 * RECORD_OVERHEAD_BYTES + RECORD_KEY_UPDATE_BYTES + 4);
    assert_memory_not_equal(f.ours.write.key, first_key, sizeof(first_key));
    assert_true(f.ours.write.sequence == 1);
    assert_int_equal(seal(SLICE("more")), RECORD_OVERHEAD_BYTES + 4);
}

static size_t updates_in_vain(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        read_wire(fake_records_forge_update(&f, i % 2 == 0, wire));
        if (ours.event != RECORD_NEED_INPUT)
            return i;
    }
    return count;
}

static void a_flood_of_key_updates_ends_it(void **state)
{
    (void)state;
    assert_int_equal(updates_in_vain(2000), 1024);
    assert_int_equal(ours.event, RECORD_FAILED);
    assert_int_equal(ours.alert, RECORD_ALERT_UNEXPECTED_MESSAGE);
}

static void empty_records_do_not_pay_for_key_updates(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 1024; i++) {
        size_t len = fake_records_forge_update(&f, 0, wire);
        read_wire(len + fake_records_forge(&f, DATA, SLICE(""), 0, wire + len));
        assert_int_equal(ours.event, RECORD_NEED_INPUT);
    }
    assert_int_equal(updates_in_vain(1), 0);
}

/* A download whose reader changes keys all the time, and an upload. */
static void data_either_way_pays_for_key_updates(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3000; i++) {
        assert_int_equal(updates_in_vain(1), 1);
        seal(SLICE("x"));
    }
    assert_int_equal(f.ours.silent, 0);
    for (unsigned i = 0; i < 3000; i++) {
        assert_int_equal(updates_in_vain(1), 1);
        read_wire(fake_records_forge(&f, DATA, SLICE("x"), 0, wire));
    }
    assert_int_equal(f.ours.silent, 0);
}

/* ---- sizes ---- */

/* RFC 8446 5.4: padding is part of what the limit is about. OpenSSL lets it pass. */
static void padding_beyond_the_largest_record_is_refused(void **state)
{
    (void)state;
    read_wire(fake_records_forge(&f, DATA, SLICE("x"), RECORD_PLAIN_MAX_BYTES - 1, wire));
    assert_int_equal(ours.event, RECORD_NEED_INPUT);
    assert_int_equal(ours.plain_len, 1);
    read_wire(fake_records_forge(&f, DATA, SLICE("x"), RECORD_PLAIN_MAX_BYTES, wire));
    assert_int_equal(ours.event, RECORD_FAILED);
    assert_int_equal(ours.alert, RECORD_ALERT_RECORD_OVERFLOW);
}

static void plaintext_that_has_no_room_waits(void **state)
{
    (void)state;
    char room[RECORD_BODY_MAX_BYTES];
    size_t len = 0;
    for (int i = 0; i < 3; i++)
        len += fake_records_forge(&f, DATA, SLICE("piece"), 0, wire + len);
    struct slice input = slice_of(wire, len);
    for (int i = 0; i < 3; i++) {
        struct record_plain plain = { .data = room, .size = sizeof(room) };
        assert_int_equal(record_read(&f.ours, &site.engine, &input, &plain),
                         i < 2 ? RECORD_NEED_ROOM : RECORD_NEED_INPUT);
        assert_int_equal(plain.len, 5);
        assert_memory_equal(room, "piece", 5);
    }
}

/* A promise of 16 KiB is no reason to set them aside. */
static void what_is_kept_grows_with_what_has_come(void **state)
{
    (void)state;
    size_t len = fake_records_forge(&f, DATA, slice_of(filler, RECORD_PLAIN_MAX_BYTES), 0, wire);
    fake_records_read_cut(&f, slice_of(wire, 6), 3, &ours, NULL);
    assert_non_null(f.ours.stash);
    assert_true(malloc_usable_size(f.ours.stash) < 512);
    fake_records_read_cut(&f, slice_of(wire + 6, 1000), 500, &ours, NULL);
    assert_true(malloc_usable_size(f.ours.stash) < 3000);
    fake_records_read_cut(&f, slice_of(wire + 1006, len - 1006), 1, &ours, NULL);
    assert_int_equal(ours.plain_len, RECORD_PLAIN_MAX_BYTES);
    assert_null(f.ours.stash);
}

/* ---- the end ---- */

static void our_direction_outlives_the_clients(void **state)
{
    (void)state;
    read_wire(fake_records_forge(&f, ALERT, SLICE("\x01\x00"), 0, wire));
    assert_int_equal(ours.event, RECORD_END);
    assert_client_reads(seal(SLICE("the rest of the answer")), SLICE("the rest of the answer"));
    size_t len =
        record_seal_alert(&f.ours, &site.engine, RECORD_ALERT_CLOSE_NOTIFY, (uint8_t *)wire);
    assert_client_reads(len, SLICE(""));
    assert_true(SSL_get_shutdown(f.client) & SSL_RECEIVED_SHUTDOWN);
}

static void alerts_are_fatal_to_the_client(void **state)
{
    (void)state;
    size_t len =
        record_seal_alert(&f.ours, &site.engine, RECORD_ALERT_RECORD_OVERFLOW, (uint8_t *)wire);
    char byte;
    assert_int_equal(BIO_write(SSL_get_rbio(f.client), wire, (int)len), len);
    assert_true(SSL_read(f.client, &byte, 1) <= 0);
    assert_int_equal(ERR_GET_REASON(ERR_peek_error()), SSL_R_TLSV1_ALERT_RECORD_OVERFLOW);
    ERR_clear_error();
}

static bool holds(const void *memory, size_t bytes, const void *secret, size_t secret_bytes)
{
    return memmem(memory, bytes, secret, secret_bytes) != NULL;
}

static void nothing_of_a_secret_is_left(void **state)
{
    (void)state;
    static const struct record nothing;
    struct record_keys read = f.ours.read, write = f.ours.write;
    read_wire(fake_records_forge(&f, DATA, SLICE("so that the engine has the key"), 0, wire));
    seal(SLICE("and the other one"));
    read_wire(3);
    assert_true(holds(&site.engine, sizeof(site.engine), write.key, 16));
    assert_true(holds(&site.engine, sizeof(site.engine), read.key, 16));
    record_fini(&f.ours, &site.engine);
    assert_memory_equal(&f.ours, &nothing, sizeof(nothing));
    assert_false(holds(&site.engine, sizeof(site.engine), write.key, 16));
    assert_false(holds(&site.engine, sizeof(site.engine), read.key, 16));
}

static void nothing_is_sealed_when_the_numbers_are_used_up(void **state)
{
    (void)state;
    struct slice data = SLICE("x");
    f.ours.write.sequence = UINT64_MAX;
    assert_int_equal(record_seal(&f.ours, &site.engine, &data, (uint8_t *)wire), 0);
    assert_int_equal(
        record_seal_alert(&f.ours, &site.engine, RECORD_ALERT_CLOSE_NOTIFY, (uint8_t *)wire), 0);
    assert_int_equal(data.len, 1);
}

#define OF_A_CONNECTION(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_life_of_rfc_8448),
        OF_A_CONNECTION(several_requests_get_one_update),
        OF_A_CONNECTION(requests_from_openssl_are_met),
        OF_A_CONNECTION(our_keys_are_changed_in_time),
        OF_A_CONNECTION(a_flood_of_key_updates_ends_it),
        OF_A_CONNECTION(empty_records_do_not_pay_for_key_updates),
        OF_A_CONNECTION(data_either_way_pays_for_key_updates),
        OF_A_CONNECTION(padding_beyond_the_largest_record_is_refused),
        OF_A_CONNECTION(plaintext_that_has_no_room_waits),
        OF_A_CONNECTION(what_is_kept_grows_with_what_has_come),
        OF_A_CONNECTION(our_direction_outlives_the_clients),
        OF_A_CONNECTION(alerts_are_fatal_to_the_client),
        OF_A_CONNECTION(nothing_of_a_secret_is_left),
        OF_A_CONNECTION(nothing_is_sealed_when_the_numbers_are_used_up),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
