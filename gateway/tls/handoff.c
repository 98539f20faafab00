#include "tls/handoff.h"

#include "common/mem.h"
#include "tls/key_schedule.h"
#include "tls/record_wire.h"

struct secret {
    uint8_t bytes[RECORD_SECRET_MAX_BYTES];
    size_t len; /* 0: not told yet */
};

struct handoff {
    struct traffic_listener listener;
    SSL *ssl; /* borrowed */
    struct secret client, server;
    uint64_t sent_records; /* under the server's secret */
    /* Where in the stream of records that leave we are. */
    uint8_t head[RECORD_HEAD_BYTES];
    size_t head_bytes, body_left;
    bool is_doubtful; /* something came otherwise than expected: OpenSSL keeps the connection */
};

/* ---- secrets ---- */

static bool is_between_records(const struct handoff *h)
{
    return h->head_bytes == 0 && h->body_left == 0;
}

/* From where OpenSSL changes keys. The server's change comes when its Finished has been sent, so
 * that a record under way would mean that we have counted wrongly. */
static void on_secret(struct traffic_listener *l, enum traffic_side side, struct slice told)
{
    struct handoff *h = CONTAINER_OF(l, struct handoff, listener);
    struct secret *secret = side == TRAFFIC_CLIENT ? &h->client : &h->server;
    h->is_doubtful = h->is_doubtful || secret->len || told.len > sizeof(secret->bytes) ||
                     (side == TRAFFIC_SERVER && !is_between_records(h));
    if (h->is_doubtful)
        return;
    memcpy(secret->bytes, told.data, told.len);
    secret->len = told.len;
}

/* ---- life ---- */

struct handoff *handoff_new(SSL *ssl)
{
    struct handoff *h = mem_new(sizeof(*h));
    h->listener.on_secret = on_secret;
    h->ssl = ssl;
    return h;
}

void handoff_free(struct handoff **h)
{
    if (!*h)
        return;
    key_schedule_listen(NULL);
    key_schedule_forget();
    mem_wipe(*h, sizeof(**h));
    mem_free(*h);
    *h = NULL;
}

void handoff_enter(struct handoff *h)
{
    key_schedule_listen(h ? &h->listener : NULL);
}

/* ---- what leaves ---- */

static void note_head(struct handoff *h)
{
    h->body_left = (size_t)(h->head[3] << 8 | h->head[4]);
    h->head_bytes = 0;
    if (!h->server.len)
        return;
    h->sent_records++;
    h->is_doubtful = h->is_doubtful || h->head[0] != RECORD_APPLICATION_DATA;
}

void handoff_note_sent(struct handoff *h, struct slice sent)
{
    while (h && sent.len) {
        size_t n = h->body_left;
        if (n == 0) {
            h->head[h->head_bytes++] = (uint8_t)sent.data[0];
            n = 1;
            if (h->head_bytes == RECORD_HEAD_BYTES)
                note_head(h);
        } else {
            n = MIN(n, sent.len);
            h->body_left -= n;
        }
        sent = slice_from(sent, n);
    }
}

/* ---- the change ---- */

/* RFC 6066 4, which OpenSSL agrees to when it is asked. */
static uint16_t plain_max(SSL *ssl)
{
    const SSL_SESSION *session = SSL_get_session(ssl);
    uint8_t mode = session ? SSL_SESSION_get_max_fragment_length(session) : 0;
    if (mode == TLSEXT_max_fragment_length_DISABLED)
        return RECORD_PLAIN_MAX_BYTES;
    return (uint16_t)(512 << (mode - TLSEXT_max_fragment_length_512));
}

/* Nothing is under way in OpenSSL: no record half read, nothing to be sent, no early data. */
static bool is_at_rest(SSL *ssl)
{
    return SSL_is_init_finished(ssl) && !SSL_has_pending(ssl) && SSL_get_shutdown(ssl) == 0 &&
           SSL_get_key_update_type(ssl) == SSL_KEY_UPDATE_NONE &&
           SSL_get_early_data_status(ssl) != SSL_EARLY_DATA_ACCEPTED;
}

bool handoff_take(const struct handoff *h, struct record_start *start)
{
    SSL *ssl = h->ssl;
    enum record_suite suite;
    const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
    if (h->is_doubtful || !SSL_is_server(ssl) || SSL_version(ssl) != TLS1_3_VERSION || !cipher ||
        !is_at_rest(ssl) || !is_between_records(h))
        return false;
    if (!record_suite_find(SSL_CIPHER_get_protocol_id(cipher), &suite))
        return false;
    size_t n = record_suite_secret_bytes(suite);
    if (h->client.len != n || h->server.len != n)
        return false;
    *start = (struct record_start){ .suite = suite,
                                    .server_sequence = h->sent_records,
                                    .plain_max = plain_max(ssl) };
    memcpy(start->client_secret, h->client.bytes, n);
    memcpy(start->server_secret, h->server.bytes, n);
    return true;
}
