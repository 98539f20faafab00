#include "fakes/fake_tls.h"

#include <stdlib.h>

#define ROUNDS_MAX 10
#define REQUIRE(condition) ((condition) ? (void)0 : abort())

/* ---- the handler ---- */

static void note(struct fake_tls *f, char event)
{
    size_t len = strlen(f->events);
    if (event == 'D' && len && f->events[len - 1] == 'D')
        return;
    REQUIRE(len < sizeof(f->events) - 1);
    f->events[len] = event;
}

static void on_open(struct stream *s)
{
    struct fake_tls *f = s->user;
    note(f, 'O');
    if (f->close_on_open)
        stream_close(s);
}

static void on_data(struct stream *s, char *data, size_t len)
{
    struct fake_tls *f = s->user;
    note(f, 'D');
    REQUIRE(len <= sizeof(f->data) - f->data_len);
    memcpy(f->data + f->data_len, data, len);
    f->data_len += len;
    if (f->close_on_data)
        stream_close(s);
}

static void on_end(struct stream *s, int status)
{
    struct fake_tls *f = s->user;
    note(f, 'E');
    f->status = status;
}

static void on_blocked(struct stream *s)
{
    note(s->user, 'B');
}

static void on_drained(struct stream *s)
{
    note(s->user, 'R');
}

static void on_closed(struct stream *s)
{
    note(s->user, 'C');
}

static const struct stream_handler handler = {
    .on_open = on_open,
    .on_data = on_data,
    .on_end = on_end,
    .on_blocked = on_blocked,
    .on_drained = on_drained,
    .on_closed = on_closed,
};

/* ---- life ---- */

void fake_tls_init(struct fake_tls *f, SSL *server, struct fake_client client)
{
    memset(f, 0, sizeof(*f));
    REQUIRE(loop_init(&f->loop) == 0);
    tls_engine_init(&f->engine);
    fake_stream_init(&f->lower, &f->loop);
    fake_handshake_init(&f->peer, server, client);
    f->peer.server = NULL;
    tls_stream_init(&f->stream, &f->lower.base, &f->engine, server);
    stream_set_handler(&f->stream.base, &handler, f);
    stream_resume(&f->stream.base);
}

void fake_tls_fini(struct fake_tls *f)
{
    if (!f->lower.closed)
        stream_reset(&f->stream.base);
    fake_stream_finish(&f->lower);
    fake_handshake_fini(&f->peer);
    tls_engine_fini(&f->engine);
    loop_fini(&f->loop);
}

/* ---- the client ---- */

static void to_client(struct fake_tls *f)
{
    int len = (int)f->lower.written_len;
    REQUIRE(len == 0 || BIO_write(SSL_get_rbio(f->peer.client), f->lower.written, len) == len);
    f->lower.written_len = 0;
}

void fake_tls_deliver(struct fake_tls *f, size_t step)
{
    BIO *bio = SSL_get_wbio(f->peer.client);
    char *bytes;
    size_t len = (size_t)BIO_get_mem_data(bio, &bytes);
    for (size_t at = 0; at < len && !f->lower.paused && !f->lower.closed; at += step)
        fake_stream_feed_bytes(&f->lower, slice_of(bytes + at, MIN(step, len - at)));
    BIO_reset(bio);
}

void fake_tls_shake_hands(struct fake_tls *f, size_t step)
{
    for (int round = 0; round < ROUNDS_MAX; round++) {
        SSL_do_handshake(f->peer.client);
        fake_tls_deliver(f, step);
        to_client(f);
    }
    REQUIRE(SSL_is_init_finished(f->peer.client));
}

void fake_tls_write(struct fake_tls *f, struct slice data)
{
    REQUIRE(SSL_write(f->peer.client, data.data, (int)data.len) == (int)data.len);
}

void fake_tls_say(struct fake_tls *f, struct slice data)
{
    fake_tls_write(f, data);
    fake_tls_deliver(f, LOOP_READ_BYTES);
}

void fake_tls_update_keys(struct fake_tls *f)
{
    REQUIRE(SSL_key_update(f->peer.client, SSL_KEY_UPDATE_REQUESTED) == 1);
    REQUIRE(SSL_do_handshake(f->peer.client) == 1);
    fake_tls_deliver(f, LOOP_READ_BYTES);
}

bool fake_tls_reads(struct fake_tls *f, struct slice expected)
{
    char got[4096];
    size_t total = 0;
    bool same = true;
    to_client(f);
    for (size_t n; same && SSL_read_ex(f->peer.client, got, sizeof(got), &n) == 1; total += n)
        same = n <= expected.len - total && memcmp(got, expected.data + total, n) == 0;
    return same && total == expected.len;
}

bool fake_tls_has_close_notify(struct fake_tls *f)
{
    return fake_tls_reads(f, SLICE("")) &&
           (SSL_get_shutdown(f->peer.client) & SSL_RECEIVED_SHUTDOWN);
}
