/* Known answers: RFC 8448 3 (AES-128-GCM), the record of tls13.xargs.org (AES-256-GCM), and, for
 * all suites and the second generation of keys, what Python's hmac and cryptography make of RFC
 * 8446's formulas. */
#include "common/err.h"
#include "tests/unit/tls/hex.h"
#include "tls/record_cipher.h"

#define RECORD_MAX_BYTES 512
#define APPLICATION_DATA 23

static struct record_engine engine;

static int set_up(void **state)
{
    (void)state;
    record_engine_init(&engine);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    record_engine_fini(&engine);
    return 0;
}

static struct record_keys keys_of(enum record_suite suite, const char *secret)
{
    struct record_keys k = { 0 };
    assert_int_equal(from_hex(secret, k.secret), record_suite_secret_bytes(suite));
    assert_int_equal(record_keys_derive(&engine, suite, &k), 0);
    return k;
}

/* Seals and opens one record of a known look. */
static void assert_record(enum record_suite suite, struct record_keys k, uint64_t sequence,
                          struct slice data, uint8_t type, const char *hex)
{
    uint8_t record[RECORD_MAX_BYTES], sealed[RECORD_MAX_BYTES], opened[RECORD_MAX_BYTES];
    size_t len = from_hex(hex, record);
    struct record_keys reader = k;
    k.sequence = reader.sequence = sequence;
    assert_int_equal(len, RECORD_HEAD_BYTES + data.len + 1 + RECORD_TAG_BYTES);
    assert_int_equal(
        record_keys_seal(&engine, suite, &k, record, data.data, data.len, type, sealed), 0);
    assert_memory_equal(sealed, record + RECORD_HEAD_BYTES, len - RECORD_HEAD_BYTES);
    assert_true(record_keys_open(&engine, suite, &reader, record, record + RECORD_HEAD_BYTES,
                                 len - RECORD_HEAD_BYTES, opened));
    assert_memory_equal(opened, data.data, data.len);
    assert_int_equal(opened[data.len], type);
    assert_true(k.sequence == sequence + 1 && reader.sequence == sequence + 1);
}

static const struct {
    enum record_suite suite;
    const char *secret;
    struct {
        const char *key, *iv, *first, *later;
    } generations[2];
} answers[] = {
    { RECORD_AES_128_GCM_SHA256,
      "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
      { { "9c9783cf77ea32d44f369da41f19f3cc", "2f41c846a431a163814bcd71",
          "170303001a556189598b4600f3812ad1e89c180670ae872039f8a62dbbdf71",
          "170303001ad5d8ae9f4113e859bea52c154e956bf22451f91f05c2526de159" },
        { "05cdc7251fb9f925889f80ebc1fd385f", "4ef68fed17d39b5f23bb4b30",
          "170303001aaa5d01013942b5cbe243dc7be916c1752b6a6baa9a80bd99d379",
          "170303001a004925fc9fa4a91116ad0d56dbddb544feb44dbe36e5bb3ee999" } } },
    { RECORD_AES_256_GCM_SHA384,
      "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
      "202122232425262728292a2b2c2d2e2f",
      { { "6877d022f1c61d24ebb7487c16752d9a4798e40431c75b39320e537c90e23225",
          "42822531a0fe88648fc09e9f",
          "170303001a385e115b357dd9ebf6d37fc8ed502efa6a6e533060dd7dfb323e",
          "170303001ac9e03eddfc3011a2b0180496ff861ee61b02755cea736b7e12b8" },
        { "eb354f3b48924ed78de34dd8aa6a6a0a51d857ddad1454d5cfa7b69f60712911",
          "8478ffbe4f2e5450789775b3",
          "170303001a5cfccde0a776f018cdd86d0ca9935137322c1cc69ac8d67c5d0e",
          "170303001a85a2be5715cfd2848a20f20d8e33d7df14b0937e8055384af972" } } },
    { RECORD_CHACHA20_POLY1305_SHA256,
      "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
      { { "2ffbc449e87844051c7768f61ffd8ad070830f01ec2c520ef65f08e8296dffa0",
          "2f41c846a431a163814bcd71",
          "170303001ac2c705992705d58f887a94ad586edfdc4baa8a0d5955d2e4a301",
          "170303001afac4dd87cf9bdd1a99b3f013b6b908172e743a8772f967f3e6ae" },
        { "c690ede9a7525f64b759094f3bda2da3b5b52e50cffacd89a37bdf85affdd091",
          "4ef68fed17d39b5f23bb4b30",
          "170303001a62625f9c12d1a9ff2fda5ed1bf88ac502b03b60948129a337d90",
          "170303001ab1aa3160324cd2a684e97ddee038e1b0b72072bff17ef02656a5" } } },
};

static void all_suites_give_the_known_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct record_keys k = keys_of(answers[i].suite, answers[i].secret);
        for (size_t g = 0; g < 2; g++) {
            assert_hex(k.key, answers[i].generations[g].key);
            assert_hex(k.iv, answers[i].generations[g].iv);
            assert_record(answers[i].suite, k, 0, SLICE("ping pong"), APPLICATION_DATA,
                          answers[i].generations[g].first);
            assert_record(answers[i].suite, k, 0x0102030405060708, SLICE("ping pong"),
                          APPLICATION_DATA, answers[i].generations[g].later);
            k.sequence = 7;
            assert_int_equal(record_keys_update(&engine, answers[i].suite, &k), 0);
            assert_true(k.sequence == 0);
        }
    }
}

/* RFC 8448 3. The ticket is the server's first record under these keys. */
static void records_are_those_of_rfc_8448(void **state)
{
    (void)state;
    enum record_suite aes = RECORD_AES_128_GCM_SHA256;
    char data[50];
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (char)i;
    struct record_keys client =
        keys_of(aes, "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5");
    assert_hex(client.key, "17422dda596ed5d9acd890e3c63f5051");
    assert_hex(client.iv, "5b78923dee08579033e523d9");
    assert_record(aes, client, 0, slice_of(data, sizeof(data)), APPLICATION_DATA,
                  "1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b4"
                  "6b395bd54a9a20441e2b62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4");
    assert_record(aes, client, 1, SLICE("\x01\x00"), 21,
                  "1703030013c9872760655666b74d7ff1153efd6db6d0b0e3");
    struct record_keys server =
        keys_of(aes, "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643");
    assert_hex(server.key, "9f02283b6c9c07efc26bb9f2ac92e356");
    assert_hex(server.iv, "cf782b88dd83549aadf1e984");
    assert_record(aes, server, 1, slice_of(data, sizeof(data)), APPLICATION_DATA,
                  "17030300432e937e11ef4ac740e538ad36005fc4a46932fc3225d05f82aa1b36e30efaf97d90"
                  "e6dffc602dcb501a59a8fcc49c4bf2e5f0a21c0047c2abf332540dd032e167c2955d");
    assert_record(aes, server, 2, SLICE("\x01\x00"), 21,
                  "1703030013b58fd67166ebf599d24720cfbe7efa7a8864a9");
}

static void the_ticket_of_rfc_8448_is_the_servers_record_0(void **state)
{
    (void)state;
    uint8_t record[RECORD_MAX_BYTES], opened[RECORD_MAX_BYTES];
    struct record_keys server =
        keys_of(RECORD_AES_128_GCM_SHA256,
                "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643");
    size_t len = from_hex("17030300de3a6b8f90414a97d6959c3487680de5134a2b240e6cffac116e95d41d6af8f6"
                          "b580dcf3d11d63c758db289a015940252f55713e061dc13e078891a38efbcf5753ad8ef1"
                          "70ad3c7353d16d9da773b9ca7f2b9fa1b6c0d4a3d03f75e09c30ba1e62972ac46f75f7b9"
                          "81be63439b2999ce13064615139891d5e4c5b406f16e3fc181a77ca475840025db2f0a77"
                          "f81b5ab05b94c01346755f69232c86519d86cbeeac87aac347d143f9605d64f650db4d02"
                          "3e70e952ca49fe5137121c74bc2697687e248746d6df353005f3bce18696129c8153556b"
                          "3b6c6779b37bf15985684f",
                          record);
    assert_true(record_keys_open(&engine, RECORD_AES_128_GCM_SHA256, &server, record,
                                 record + RECORD_HEAD_BYTES, len - RECORD_HEAD_BYTES, opened));
    assert_int_equal(opened[0], 4); /* NewSessionTicket */
    assert_int_equal(opened[len - RECORD_HEAD_BYTES - RECORD_TAG_BYTES - 1], 22);
}

/* tls13.xargs.org, The Illustrated TLS 1.3 Connection. */
static void records_are_those_of_the_illustrated_connection(void **state)
{
    (void)state;
    struct record_keys server =
        keys_of(RECORD_AES_256_GCM_SHA384,
                "86c967fd7747a36a0685b4ed8d0e6b4c02b4ddaf3cd294aa44e9f6b0183bf911e89a189ba5dfd71f"
                "ccffb5cc164901f8");
    assert_hex(server.key, "01f78623f17e3edcc09e944027ba3218d57c8e0db93cd3ac419309274700ac27");
    assert_hex(server.iv, "196a750b0c5049c0cc51a541");
    struct record_keys client = { 0 };
    from_hex("de2f4c7672723a692319873e5c227606691a32d1c59d8b9f51dbb9352e9ca9cc", client.key);
    from_hex("bb007956f474b25de902432f", client.iv);
    assert_record(RECORD_AES_256_GCM_SHA384, client, 0, SLICE("ping"), APPLICATION_DATA,
                  "1703030015828139cb7b73aaabf5b82fbf9a2961bcde10038a32");
}

static void one_engine_serves_many_connections_in_turn(void **state)
{
    (void)state;
    static const uint8_t head[] = { 23, 3, 3, 0, 0x18 };
    struct record_keys k[6], reader[6];
    uint8_t sealed[64], opened[64];
    for (size_t i = 0; i < ARRAY_LEN(k); i++) {
        k[i] = (struct record_keys){ .secret = { (uint8_t)i } };
        assert_int_equal(record_keys_derive(&engine, (enum record_suite)(i % 3), &k[i]), 0);
        reader[i] = k[i];
    }
    for (size_t turn = 0; turn < 100; turn++) {
        size_t i = (turn * turn + turn / 7) % ARRAY_LEN(k);
        enum record_suite suite = (enum record_suite)(i % 3);
        assert_int_equal(record_keys_seal(&engine, suite, &k[i], head, "1234567", 7, 23, sealed),
                         0);
        assert_true(record_keys_open(&engine, suite, &reader[i], head, sealed, 24, opened));
        assert_memory_equal(opened, "1234567\x17", 8);
    }
}

/* The data, the tag, the head or the place in the order. What was opened is wiped. */
static void a_changed_record_is_not_opened(void **state)
{
    (void)state;
    static const uint8_t nothing[8];
    for (enum record_suite suite = 0; suite < RECORD_SUITES; suite++) {
        struct record_keys k = { .secret = { 1 } }, reader;
        uint8_t head[] = { 23, 3, 3, 0, 0x18 }, sealed[24], opened[24];
        assert_int_equal(record_keys_derive(&engine, suite, &k), 0);
        reader = k;
        assert_int_equal(record_keys_seal(&engine, suite, &k, head, "1234567", 7, 23, sealed), 0);
        for (size_t bit = 0; bit < 8 * (sizeof(head) + sizeof(sealed)); bit++) {
            uint8_t *byte = bit / 8 < sizeof(head) ? head + bit / 8 : sealed + bit / 8 - 5;
            struct record_keys now = reader;
            *byte ^= (uint8_t)(1 << bit % 8);
            memset(opened, 'x', sizeof(opened));
            assert_false(record_keys_open(&engine, suite, &now, head, sealed, 24, opened));
            assert_memory_equal(opened, nothing, sizeof(nothing));
            *byte ^= (uint8_t)(1 << bit % 8);
        }
        struct record_keys late = reader;
        late.sequence++;
        assert_false(record_keys_open(&engine, suite, &late, head, sealed, 24, opened));
        assert_true(record_keys_open(&engine, suite, &reader, head, sealed, 24, opened));
    }
}

static bool holds(const void *memory, size_t bytes, const void *secret, size_t secret_bytes)
{
    return memmem(memory, bytes, secret, secret_bytes) != NULL;
}

static void keys_are_wiped(void **state)
{
    (void)state;
    static const uint8_t head[] = { 23, 3, 3, 0, 0x18 };
    for (enum record_suite suite = 0; suite < RECORD_SUITES; suite++) {
        struct record_keys k = { .secret = { 9 } };
        uint8_t sealed[24], old_key[16], old_secret[32];
        assert_int_equal(record_keys_derive(&engine, suite, &k), 0);
        assert_int_equal(record_keys_seal(&engine, suite, &k, head, "1234567", 7, 23, sealed), 0);
        memcpy(old_key, k.key, sizeof(old_key));
        memcpy(old_secret, k.secret, sizeof(old_secret));
        assert_true(holds(&engine, sizeof(engine), old_key, sizeof(old_key)));
        assert_int_equal(record_keys_update(&engine, suite, &k), 0);
        assert_false(holds(&engine, sizeof(engine), old_key, sizeof(old_key)));
        assert_false(holds(&k, sizeof(k), old_key, sizeof(old_key)));
        assert_false(holds(&k, sizeof(k), old_secret, sizeof(old_secret)));
        static const struct record_keys nothing;
        record_keys_wipe(&engine, suite, &k);
        assert_memory_equal(&k, &nothing, sizeof(k));
    }
}

static void the_last_sequence_number_is_not_used(void **state)
{
    (void)state;
    static const uint8_t head[] = { 23, 3, 3, 0, 0x18 };
    struct record_keys k = { .secret = { 1 } };
    uint8_t sealed[24] = { 0 }, opened[24];
    assert_int_equal(record_keys_derive(&engine, RECORD_AES_128_GCM_SHA256, &k), 0);
    k.sequence = UINT64_MAX;
    assert_int_equal(
        record_keys_seal(&engine, RECORD_AES_128_GCM_SHA256, &k, head, "1234567", 7, 23, sealed),
        ERR_NO_MEMORY);
    assert_false(
        record_keys_open(&engine, RECORD_AES_128_GCM_SHA256, &k, head, sealed, 24, opened));
    assert_true(k.sequence == UINT64_MAX);
}

static void suites_are_known_by_their_numbers(void **state)
{
    (void)state;
    enum record_suite suite = RECORD_SUITES;
    assert_true(record_suite_find(0x1301, &suite) && suite == RECORD_AES_128_GCM_SHA256);
    assert_true(record_suite_find(0x1302, &suite) && suite == RECORD_AES_256_GCM_SHA384);
    assert_true(record_suite_find(0x1303, &suite) && suite == RECORD_CHACHA20_POLY1305_SHA256);
    assert_false(record_suite_find(0x1304, &suite)); /* CCM */
    assert_false(record_suite_find(0xc02f, &suite));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_suites_give_the_known_answers),
        cmocka_unit_test(records_are_those_of_rfc_8448),
        cmocka_unit_test(the_ticket_of_rfc_8448_is_the_servers_record_0),
        cmocka_unit_test(records_are_those_of_the_illustrated_connection),
        cmocka_unit_test(one_engine_serves_many_connections_in_turn),
        cmocka_unit_test(a_changed_record_is_not_opened),
        cmocka_unit_test(keys_are_wiped),
        cmocka_unit_test(the_last_sequence_number_is_not_used),
        cmocka_unit_test(suites_are_known_by_their_numbers),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
