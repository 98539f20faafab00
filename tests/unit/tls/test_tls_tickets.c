#include "tls/tls_tickets.h"

#include "common/mem.h"
#include "tests/fakes/fake_handshake.h"
#include "tests/fakes/fake_pki.h"
#include "tls/tls_context.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <cmocka.h>

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

static struct tls_ticket_keys keys_of(const struct tls_tickets *t)
{
    struct tls_ticket_keys keys;
    assert_true(tls_tickets_read(t, &keys));
    return keys;
}

static void a_zeroed_section_has_no_keys(void **state)
{
    struct tls_tickets t = { 0 };
    struct tls_ticket_keys keys;
    (void)state;
    assert_false(tls_tickets_read(&t, &keys));
    tls_tickets_rotate(&t);
    assert_true(tls_tickets_read(&t, &keys));
}

static void rotation_moves_every_key_one_slot_on(void **state)
{
    struct tls_tickets t = { 0 };
    (void)state;
    tls_tickets_init(&t);
    for (int i = 0; i < 5; i++) {
        struct tls_ticket_keys before = keys_of(&t);
        tls_tickets_rotate(&t);
        struct tls_ticket_keys after = keys_of(&t);
        assert_memory_equal(after.slots + 1, before.slots, 3 * sizeof(before.slots[0]));
        assert_memory_not_equal(after.slots, before.slots, sizeof(before.slots[0]));
    }
}

static void a_forgotten_key_is_nowhere_in_the_section(void **state)
{
    struct tls_tickets t = { 0 };
    (void)state;
    tls_tickets_init(&t);
    struct tls_ticket_key oldest = keys_of(&t).slots[TLS_TICKET_OLDEST];
    assert_non_null(memmem(&t, sizeof(t), oldest.cipher_key, sizeof(oldest.cipher_key)));
    tls_tickets_rotate(&t);
    assert_null(memmem(&t, sizeof(t), oldest.cipher_key, sizeof(oldest.cipher_key)));
}

static void a_writer_killed_half_way_leaves_the_old_keys(void **state)
{
    struct tls_tickets t = { 0 };
    (void)state;
    tls_tickets_init(&t);
    struct tls_ticket_keys before = keys_of(&t), after;
    memset((void *)t.copies[(t.turn + 1) % 2], 0x5a, sizeof(t.copies[0]) / 2);
    after = keys_of(&t);
    assert_memory_equal(&after, &before, sizeof(before));
    tls_tickets_rotate(&t);
    after = keys_of(&t);
    assert_memory_equal(after.slots + 1, before.slots, 3 * sizeof(before.slots[0]));
}

static void keys_can_be_set(void **state)
{
    struct tls_tickets one = { 0 }, other = { 0 };
    (void)state;
    tls_tickets_init(&one);
    tls_tickets_init(&other);
    struct tls_ticket_keys keys = keys_of(&one), set;
    tls_tickets_set(&other, &keys);
    set = keys_of(&other);
    assert_memory_equal(&set, &keys, sizeof(keys));
}

static void sealed_keys_open_only_as_they_were_sealed(void **state)
{
    struct tls_tickets t = { 0 };
    struct tls_ticket_keys opened = { 0 };
    const uint8_t key[32] = { 1 }, other[32] = { 2 };
    uint8_t sealed[TLS_TICKETS_SEALED_BYTES + 1] = { 0 };
    struct slice text = slice_of((const char *)sealed, TLS_TICKETS_SEALED_BYTES);
    (void)state;
    tls_tickets_init(&t);
    struct tls_ticket_keys keys = keys_of(&t);
    tls_ticket_keys_seal(&keys, key, SLICE("7"), sealed);
    assert_null(memmem(sealed, sizeof(sealed), keys.slots[0].mac_key, 32));
    assert_false(tls_ticket_keys_unseal(&opened, other, SLICE("7"), text));
    assert_false(tls_ticket_keys_unseal(&opened, key, SLICE("8"), text));
    assert_false(tls_ticket_keys_unseal(&opened, key, SLICE("7"), slice_of(text.data, 0)));
    assert_false(tls_ticket_keys_unseal(&opened, key, SLICE("7"), slice_from(text, 1)));
    assert_false(
        tls_ticket_keys_unseal(&opened, key, SLICE("7"), slice_of(text.data, text.len + 1)));
    for (size_t i = 0; i < text.len; i += 13) {
        sealed[i] ^= 1;
        assert_false(tls_ticket_keys_unseal(&opened, key, SLICE("7"), text));
        sealed[i] ^= 1;
    }
    assert_true(tls_ticket_keys_unseal(&opened, key, SLICE("7"), text));
    assert_memory_equal(&opened, &keys, sizeof(keys));
}

static void *rotate_many_times(void *section)
{
    for (int i = 0; i < 20000; i++)
        tls_tickets_rotate(section);
    return NULL;
}

/* Keys of equal name are equal, whatever the writer is doing. */
static void assert_agree(const struct tls_ticket_keys *a, const struct tls_ticket_keys *b)
{
    for (size_t i = 0; i < TLS_TICKET_SLOTS; i++)
        for (size_t k = 0; k < TLS_TICKET_SLOTS; k++)
            if (memcmp(a->slots[i].name, b->slots[k].name, sizeof(a->slots[i].name)) == 0)
                assert_memory_equal(&a->slots[i], &b->slots[k], sizeof(a->slots[i]));
}

static void readers_see_whole_sets_while_the_writer_rotates(void **state)
{
    struct tls_tickets t = { 0 };
    struct tls_ticket_keys last, now;
    pthread_t writer;
    (void)state;
    tls_tickets_init(&t);
    last = keys_of(&t);
    assert_int_equal(pthread_create(&writer, NULL, rotate_many_times, &t), 0);
    while (atomic_load(&t.turn) < 20000) {
        if (!tls_tickets_read(&t, &now))
            continue;
        assert_agree(&last, &now);
        last = now;
    }
    pthread_join(writer, NULL);
}

/* --- handshakes ------------------------------------------------------------------------------- */

struct node {
    struct tls_tickets tickets;
    struct tls_context *context;
};

static struct fake_certificate certificate;

static int set_up(void **state)
{
    (void)state;
    fake_certificate_init(&certificate, "EC", "DNS:a.vn", NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_certificate_fini(&certificate);
    return 0;
}

static void node_init(struct node *n)
{
    struct config_certificate one = fake_certificate_config(&certificate, (struct slice){ 0 });
    struct config_tls config = { .certificates = &one, .certificate_count = 1 };
    struct err e = { "" };
    n->context = tls_context_new(&config, TLS_CONTEXT_ALPN_HTTP1, &n->tickets, &e);
    assert_string_equal(e.text, "");
    assert_non_null(n->context);
}

/* One connection, resumed or not as expected. Returns what the next one may resume with, and frees
 * `session`. */
static SSL_SESSION *connect_with(struct node *n, int version, SSL_SESSION *session, bool resumes)
{
    struct fake_handshake h;
    fake_handshake_init(&h, tls_context_new_ssl(n->context),
                        FAKE_CLIENT(version, "a.vn", .session = session));
    assert_true(fake_handshake_run(&h));
    assert_int_equal(SSL_session_reused(h.server), resumes);
    assert_int_equal(SSL_session_reused(h.client), resumes);
    SSL_SESSION_free(session);
    session = fake_handshake_session(&h);
    fake_handshake_fini(&h);
    return session;
}

static void sessions_resume_until_their_key_is_forgotten(void **state)
{
    struct node n = { 0 };
    (void)state;
    tls_tickets_init(&n.tickets);
    node_init(&n);
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        for (int rotations = 0; rotations <= 3; rotations++) {
            SSL_SESSION *session = connect_with(&n, versions[i], NULL, false);
            assert_non_null(session);
            for (int k = 0; k < rotations; k++)
                tls_tickets_rotate(&n.tickets);
            SSL_SESSION_free(connect_with(&n, versions[i], session, rotations < 3));
        }
    }
    tls_context_unref(&n.context);
}

static void a_ticket_of_an_old_key_is_renewed(void **state)
{
    struct node n = { 0 };
    (void)state;
    tls_tickets_init(&n.tickets);
    node_init(&n);
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        SSL_SESSION *session = connect_with(&n, versions[i], NULL, false);
        for (int k = 0; k < 6; k++) {
            tls_tickets_rotate(&n.tickets);
            session = connect_with(&n, versions[i], session, true);
        }
        SSL_SESSION_free(session);
    }
    tls_context_unref(&n.context);
}

/* Clients of TLS 1.3 use a ticket once (RFC 8446 C.4). */
static void a_resumed_session_of_tls_1_3_gets_a_ticket_of_its_own(void **state)
{
    struct node n = { 0 };
    const unsigned char *ticket;
    unsigned char first[4096];
    size_t len, first_len;
    (void)state;
    tls_tickets_init(&n.tickets);
    node_init(&n);
    SSL_SESSION *session = connect_with(&n, TLS1_3_VERSION, NULL, false);
    SSL_SESSION_get0_ticket(session, &ticket, &first_len);
    assert_in_range(first_len, 1, sizeof(first));
    memcpy(first, ticket, first_len);
    session = connect_with(&n, TLS1_3_VERSION, session, true);
    SSL_SESSION_get0_ticket(session, &ticket, &len);
    assert_false(len == first_len && memcmp(first, ticket, len) == 0);
    SSL_SESSION_free(connect_with(&n, TLS1_3_VERSION, session, true));
    tls_context_unref(&n.context);
}

static void a_ticket_of_a_node_that_has_rotated_already_resumes(void **state)
{
    struct node behind = { 0 }, ahead = { 0 };
    (void)state;
    tls_tickets_init(&behind.tickets);
    memcpy(&ahead.tickets, &behind.tickets, sizeof(ahead.tickets));
    tls_tickets_rotate(&ahead.tickets);
    node_init(&behind);
    node_init(&ahead);
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        SSL_SESSION *session = connect_with(&ahead, versions[i], NULL, false);
        session = connect_with(&behind, versions[i], session, true);
        SSL_SESSION_free(connect_with(&ahead, versions[i], session, true));
    }
    tls_context_unref(&behind.context);
    tls_context_unref(&ahead.context);
}

static void tickets_of_another_section_do_not_resume(void **state)
{
    struct node one = { 0 }, other = { 0 };
    (void)state;
    tls_tickets_init(&one.tickets);
    tls_tickets_init(&other.tickets);
    node_init(&one);
    node_init(&other);
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        SSL_SESSION *session = connect_with(&one, versions[i], NULL, false);
        SSL_SESSION_free(connect_with(&other, versions[i], session, false));
    }
    tls_context_unref(&one.context);
    tls_context_unref(&other.context);
}

static void without_keys_handshakes_are_full_ones(void **state)
{
    struct node n = { 0 };
    (void)state;
    node_init(&n);
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        SSL_SESSION *session = connect_with(&n, versions[i], NULL, false);
        SSL_SESSION_free(connect_with(&n, versions[i], session, false));
    }
    tls_context_unref(&n.context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zeroed_section_has_no_keys),
        cmocka_unit_test(rotation_moves_every_key_one_slot_on),
        cmocka_unit_test(a_forgotten_key_is_nowhere_in_the_section),
        cmocka_unit_test(a_writer_killed_half_way_leaves_the_old_keys),
        cmocka_unit_test(keys_can_be_set),
        cmocka_unit_test(sealed_keys_open_only_as_they_were_sealed),
        cmocka_unit_test(readers_see_whole_sets_while_the_writer_rotates),
        cmocka_unit_test(sessions_resume_until_their_key_is_forgotten),
        cmocka_unit_test(a_ticket_of_an_old_key_is_renewed),
        cmocka_unit_test(a_resumed_session_of_tls_1_3_gets_a_ticket_of_its_own),
        cmocka_unit_test(a_ticket_of_a_node_that_has_rotated_already_resumes),
        cmocka_unit_test(tickets_of_another_section_do_not_resume),
        cmocka_unit_test(without_keys_handshakes_are_full_ones),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
