#include "tls/tls_stream.h"

#include "common/err.h"
#include "common/mem.h"
#include "tls/tls_memory.h"

#include <openssl/err.h>

/* Four records of the largest size. */
#define TLS_SILENT_MAX_BYTES (64 * 1024)

/* ---- ending ---- */

static struct tls_stream *tls_of(struct stream *s)
{
    return CONTAINER_OF(s, struct tls_stream, base);
}

/* Before OpenSSL is called: all that it reads and writes, and says of failures, is about this one.
 */
static void enter(struct tls_stream *t)
{
    t->engine->lower = t->lower;
    t->engine->handoff = t->handoff;
    handoff_enter(t->handoff);
    ERR_clear_error();
}

static void drop_handoff(struct tls_stream *t)
{
    handoff_free(&t->handoff);
    t->engine->handoff = NULL;
}

static void drop_ssl(struct tls_stream *t)
{
    drop_handoff(t);
    tls_memory_free_connection(t->ssl);
    t->ssl = NULL;
}

/* Lets go of the protocol's state; no event but on_closed comes after. */
static void detach(struct tls_stream *t)
{
    struct loop_gather *out = &t->base.loop->plain_output;
    if (out->owner == &t->base) {
        out->owner = NULL;
        out->len = 0;
    }
    list_remove(&t->failure.node);
    drop_ssl(t);
    if (t->has_records)
        record_fini(&t->record, &t->engine->records);
    t->detached = true;
}

static void tell_end(struct tls_stream *t, int status)
{
    bool told = status == 0 ? t->end_told : t->failure_told;
    if (told || t->detached)
        return;
    t->end_told = true;
    t->failure_told = status != 0;
    stream_pause(t->lower);
    if (status == ERR_INVALID) /* our alert leaves, though the handler answers with a reset */
        stream_flush(t->lower);
    t->base.handler->on_end(&t->base, status);
}

static void run_failure(struct defer *d)
{
    tell_end(CONTAINER_OF(d, struct tls_stream, failure), ERR_INVALID);
}

/* The last that we say. A record layer that cannot say it has failed before. */
static void send_alert(struct tls_stream *t, enum record_alert alert)
{
    uint8_t *out = t->engine->sealed;
    stream_flush(&t->base);
    if (t->shut)
        return;
    t->shut = true;
    size_t n = record_seal_alert(&t->record, &t->engine->records, alert, out);
    stream_write(t->lower, slice_of((const char *)out, n));
}

static void send_close_notify(struct tls_stream *t)
{
    if (t->shut)
        return;
    if (t->has_records) {
        send_alert(t, RECORD_ALERT_CLOSE_NOTIFY);
        return;
    }
    stream_flush(&t->base);
    t->shut = true;
    if (!t->open)
        return;
    enter(t);
    SSL_shutdown(t->ssl);
}

static void tls_shutdown(struct stream *s)
{
    struct tls_stream *t = tls_of(s);
    if (t->detached)
        return;
    send_close_notify(t);
    stream_shutdown(t->lower);
}

static void tls_close(struct stream *s)
{
    struct tls_stream *t = tls_of(s);
    if (!t->detached) {
        send_close_notify(t);
        detach(t);
    }
    stream_close(t->lower);
}

static void tls_reset(struct stream *s)
{
    struct tls_stream *t = tls_of(s);
    if (!t->detached)
        detach(t);
    stream_reset(t->lower);
}

/* ---- writing ---- */

/* No more can be sent: told when the event is over, as writing never fails at the call. */
static void fail_to_write(struct tls_stream *t)
{
    t->shut = true;
    loop_defer(t->base.loop, &t->failure);
}

static void seal(struct tls_stream *t, struct slice data)
{
    uint8_t *out = t->engine->sealed;
    while (data.len) {
        size_t n = record_seal(&t->record, &t->engine->records, &data, out);
        if (!n) {
            fail_to_write(t);
            return;
        }
        stream_write(t->lower, slice_of((const char *)out, n));
    }
}

static void encrypt(struct tls_stream *t, struct slice data)
{
    if (t->has_records) {
        seal(t, data);
        return;
    }
    while (data.len) {
        size_t n = 0;
        enter(t);
        if (SSL_write_ex(t->ssl, data.data, data.len, &n) != 1) {
            fail_to_write(t); /* the BIO takes everything: only a broken connection comes here */
            return;
        }
        data = slice_from(data, n);
    }
}

static void tls_flush(struct stream *s)
{
    struct loop_gather *out = &s->loop->plain_output;
    if (out->owner != s)
        return;
    size_t len = out->len;
    out->owner = NULL;
    out->len = 0;
    encrypt(tls_of(s), slice_of(out->data, len));
}

/* Small writes share a record; what fills one goes without a copy. */
static void tls_write(struct stream *s, struct slice bytes)
{
    struct tls_stream *t = tls_of(s);
    struct loop_gather *out = &s->loop->plain_output;
    if (t->detached || t->shut || !t->open)
        return;
    if (out->owner && out->owner != s)
        stream_flush(out->owner);
    while (bytes.len) {
        if (out->len == 0 && bytes.len >= out->size) {
            encrypt(t, bytes);
            return;
        }
        size_t n = MIN(bytes.len, out->size - out->len);
        out->owner = s;
        memcpy(out->data + out->len, bytes.data, n);
        out->len += n;
        bytes = slice_from(bytes, n);
        if (out->len == out->size)
            tls_flush(s);
    }
}

/* ---- reading ---- */

static void note_facts(struct tls_stream *t)
{
    const unsigned char *protocol;
    unsigned len;
    SSL_get0_alpn_selected(t->ssl, &protocol, &len);
    t->engine->facts = (struct tls_facts){
        .version = SSL_get_version(t->ssl),
        .is_resumed = SSL_session_reused(t->ssl) == 1,
        .chose_http2 = slice_eq(slice_of((const char *)protocol, len), SLICE("h2")),
    };
}

/* From here on OpenSSL is not needed any more, or it is for all of the connection's life. */
static void hand_over(struct tls_stream *t)
{
    struct record_start start;
    if (!t->handoff)
        return;
    if (handoff_take(t->handoff, &start)) {
        t->has_records = record_init(&t->record, &t->engine->records, &start) == 0;
        mem_wipe(&start, sizeof(start));
    }
    if (t->has_records)
        drop_ssl(t);
    else
        drop_handoff(t);
}

static bool handshake(struct tls_stream *t)
{
    enter(t);
    int rc = SSL_do_handshake(t->ssl);
    if (rc == 1) {
        t->open = true;
        note_facts(t);
        hand_over(t);
        t->base.handler->on_open(&t->base);
        return !t->detached;
    }
    if (SSL_get_error(t->ssl, rc) != SSL_ERROR_WANT_READ)
        tell_end(t, ERR_INVALID);
    return false;
}

/* As decrypt(), which it is a part of. */
static size_t open_records(struct tls_stream *t, int *status)
{
    struct record_plain plain = { .data = t->base.loop->plain_buffer, .size = LOOP_PLAIN_BYTES };
    switch (record_read(&t->record, &t->engine->records, &t->engine->input, &plain)) {
    case RECORD_END:
        *status = 0;
        break;
    case RECORD_FAILED:
        *status = ERR_INVALID;
        if (t->record.alert != RECORD_ALERT_NONE)
            send_alert(t, (enum record_alert)t->record.alert);
        t->shut = true;
        break;
    case RECORD_NEED_INPUT:
    case RECORD_NEED_ROOM:
        break;
    }
    return plain.len;
}

/* Decrypts until the input is used up or the buffer full. Returns the number of plaintext bytes;
 * *status is 1 while more may come, else what on_end is to say. */
static size_t decrypt(struct tls_stream *t, int *status)
{
    char *plain = t->base.loop->plain_buffer;
    size_t len = 0;
    *status = 1;
    if (t->has_records)
        return open_records(t, status);
    while (len < LOOP_PLAIN_BYTES) {
        size_t n = 0;
        enter(t);
        if (SSL_read_ex(t->ssl, plain + len, LOOP_PLAIN_BYTES - len, &n) == 1) {
            len += n;
            if (t->engine->input.len == 0 && SSL_pending(t->ssl) == 0)
                break;
            continue;
        }
        int error = SSL_get_error(t->ssl, 0);
        if (error == SSL_ERROR_ZERO_RETURN)
            *status = 0;
        else if (error != SSL_ERROR_WANT_READ)
            *status = ERR_INVALID;
        break;
    }
    return len;
}

static bool has_input(const struct tls_stream *t)
{
    return t->engine->input.len || (t->ssl && SSL_pending(t->ssl));
}

/* Records without data (key updates, refused renegotiations) make us work and answer for nothing.
 * More of them than of data, beyond what a record in pieces accounts for, is an attack. Our own
 * record layer counts by itself. */
static bool is_flood(struct tls_stream *t, size_t input_bytes, size_t data_bytes)
{
    if (t->has_records)
        return false;
    t->silent_bytes += data_bytes ? 0 : (uint32_t)input_bytes;
    t->silent_bytes -= MIN(t->silent_bytes, (uint32_t)data_bytes);
    return t->silent_bytes > TLS_SILENT_MAX_BYTES;
}

static void on_lower_data(struct stream *lower, char *data, size_t len)
{
    struct tls_stream *t = lower->user;
    size_t data_bytes = 0;
    int status = 1;
    if (t->end_told)
        return;
    t->engine->input = slice_of(data, len);
    if (!t->open && !handshake(t))
        return;
    while (status == 1 && has_input(t)) {
        size_t n = decrypt(t, &status);
        data_bytes += n;
        if (n)
            t->base.handler->on_data(&t->base, t->base.loop->plain_buffer, n);
        if (t->detached || t->end_told)
            return;
    }
    if (status == 1 && is_flood(t, len, data_bytes))
        status = ERR_INVALID;
    if (status != 1)
        tell_end(t, status);
}

static void on_lower_end(struct stream *lower, int status)
{
    tell_end(lower->user, status);
}

static void on_lower_blocked(struct stream *lower)
{
    struct tls_stream *t = lower->user;
    if (t->open && !t->detached)
        t->base.handler->on_blocked(&t->base);
}

static void on_lower_drained(struct stream *lower)
{
    struct tls_stream *t = lower->user;
    if (t->open && !t->detached)
        t->base.handler->on_drained(&t->base);
}

static void on_lower_closed(struct stream *lower)
{
    struct tls_stream *t = lower->user;
    t->base.handler->on_closed(&t->base);
}

/* Of a connection that we have made: accepted ones are open from the start. The client speaks
 * first. */
static void on_lower_open(struct stream *lower)
{
    struct tls_stream *t = lower->user;
    t->engine->input = slice_of(NULL, 0);
    if (!t->detached && !SSL_is_server(t->ssl))
        handshake(t);
}

static void tls_pause(struct stream *s)
{
    stream_pause(tls_of(s)->lower);
}

static void tls_resume(struct stream *s)
{
    stream_resume(tls_of(s)->lower);
}

static uint64_t tls_acknowledged(const struct stream *s)
{
    return stream_acknowledged(CONTAINER_OF(s, struct tls_stream, base)->lower);
}

static struct address tls_local_address(const struct stream *s)
{
    return stream_local_address(CONTAINER_OF(s, struct tls_stream, base)->lower);
}

static const struct stream_handler lower_handler = {
    .on_open = on_lower_open,
    .on_data = on_lower_data,
    .on_end = on_lower_end,
    .on_blocked = on_lower_blocked,
    .on_drained = on_lower_drained,
    .on_closed = on_lower_closed,
};

static const struct stream_ops tls_ops = {
    .write = tls_write,
    .flush = tls_flush,
    .pause = tls_pause,
    .resume = tls_resume,
    .shutdown = tls_shutdown,
    .close = tls_close,
    .reset = tls_reset,
    .acknowledged = tls_acknowledged,
    .local_address = tls_local_address,
};

void tls_stream_init(struct tls_stream *t, struct stream *lower, struct tls_engine *engine,
                     SSL *ssl)
{
    *t = (struct tls_stream){
        .base = { .ops = &tls_ops, .loop = lower->loop },
        .lower = lower,
        .engine = engine,
        .ssl = ssl,
    };
    defer_init(&t->failure, run_failure);
    BIO_up_ref(engine->bio);
    SSL_set0_rbio(ssl, engine->bio);
    BIO_up_ref(engine->bio);
    SSL_set0_wbio(ssl, engine->bio);
    if (SSL_is_server(ssl))
        SSL_set_accept_state(ssl);
    else
        SSL_set_connect_state(ssl);
    stream_set_handler(lower, &lower_handler, t);
}

void tls_stream_want_records(struct tls_stream *t)
{
    t->handoff = handoff_new(t->ssl);
}
