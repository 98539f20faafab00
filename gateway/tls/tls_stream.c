#include "tls/tls_stream.h"

#include "common/err.h"
#include "common/log.h"

#include <openssl/err.h>
#include <stdlib.h>

/* Four records of the largest size. */
#define TLS_SILENT_MAX_BYTES (64 * 1024)

/* ---- the shared BIO ---- */

static int bio_read(BIO *bio, char *out, int len)
{
    struct tls_engine *e = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (e->input.len == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t n = MIN((size_t)len, e->input.len);
    memcpy(out, e->input.data, n);
    e->input = slice_from(e->input, n);
    return (int)n;
}

static int bio_write(BIO *bio, const char *data, int len)
{
    struct tls_engine *e = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    stream_write(e->lower, slice_of(data, (size_t)len));
    return len;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH; /* the event's end flushes */
}

void tls_engine_init(struct tls_engine *e)
{
    /* Without a number of its own (OpenSSL has 127 for a process): nobody looks it up. */
    *e = (struct tls_engine){ .method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "event") };
    e->bio = e->method ? BIO_new(e->method) : NULL;
    if (!e->bio) {
        log_write(LOG_ERROR, "OpenSSL cannot make a BIO; this process stops");
        abort();
    }
    BIO_meth_set_read(e->method, bio_read);
    BIO_meth_set_write(e->method, bio_write);
    BIO_meth_set_ctrl(e->method, bio_ctrl);
    BIO_set_init(e->bio, 1);
    BIO_set_data(e->bio, e);
}

void tls_engine_fini(struct tls_engine *e)
{
    BIO_free(e->bio);
    BIO_meth_free(e->method);
    *e = (struct tls_engine){ 0 };
}

/* ---- ending ---- */

static struct tls_stream *tls_of(struct stream *s)
{
    return CONTAINER_OF(s, struct tls_stream, base);
}

/* Lets go of the SSL object; no event but on_closed comes after. */
static void detach(struct tls_stream *t)
{
    struct loop_gather *out = &t->base.loop->plain_output;
    if (out->owner == &t->base) {
        out->owner = NULL;
        out->len = 0;
    }
    list_remove(&t->failure.node);
    SSL_free(t->ssl);
    t->ssl = NULL;
}

static void tell_end(struct tls_stream *t, int status)
{
    bool told = status == 0 ? t->end_told : t->failure_told;
    if (told || !t->ssl)
        return;
    t->end_told = true;
    t->failure_told = status != 0;
    stream_pause(t->lower);
    t->base.handler->on_end(&t->base, status);
}

static void run_failure(struct defer *d)
{
    tell_end(CONTAINER_OF(d, struct tls_stream, failure), ERR_INVALID);
}

static void send_close_notify(struct tls_stream *t)
{
    if (t->shut)
        return;
    stream_flush(&t->base);
    t->shut = true;
    if (!t->open)
        return;
    t->engine->lower = t->lower;
    ERR_clear_error();
    SSL_shutdown(t->ssl);
}

static void tls_shutdown(struct stream *s)
{
    struct tls_stream *t = tls_of(s);
    if (!t->ssl)
        return;
    send_close_notify(t);
    stream_shutdown(t->lower);
}

static void tls_close(struct stream *s)
{
    struct tls_stream *t = tls_of(s);
    if (t->ssl) {
        send_close_notify(t);
        detach(t);
    }
    stream_close(t->lower);
}

static void tls_reset(struct stream *s)
{
    struct tls_stream *t = tls_of(s);
    if (t->ssl)
        detach(t);
    stream_reset(t->lower);
}

/* ---- writing ---- */

static void encrypt(struct tls_stream *t, const char *data, size_t len)
{
    t->engine->lower = t->lower;
    while (len) {
        size_t n = 0;
        ERR_clear_error();
        if (SSL_write_ex(t->ssl, data, len, &n) != 1) {
            t->shut = true; /* the BIO takes everything: only a broken connection comes here */
            loop_defer(t->base.loop, &t->failure);
            return;
        }
        data += n;
        len -= n;
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
    encrypt(tls_of(s), out->data, len);
}

/* Small writes share a record; what fills one goes without a copy. */
static void tls_write(struct stream *s, struct slice bytes)
{
    struct tls_stream *t = tls_of(s);
    struct loop_gather *out = &s->loop->plain_output;
    if (!t->ssl || t->shut || !t->open)
        return;
    if (out->owner && out->owner != s)
        stream_flush(out->owner);
    while (bytes.len) {
        if (out->len == 0 && bytes.len >= out->size) {
            encrypt(t, bytes.data, bytes.len);
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

static bool handshake(struct tls_stream *t)
{
    t->engine->lower = t->lower;
    ERR_clear_error();
    int rc = SSL_do_handshake(t->ssl);
    if (rc == 1) {
        t->open = true;
        t->base.handler->on_open(&t->base);
        return t->ssl != NULL;
    }
    if (SSL_get_error(t->ssl, rc) != SSL_ERROR_WANT_READ)
        tell_end(t, ERR_INVALID);
    return false;
}

/* Decrypts until the input is used up or the buffer full. Returns the number of plaintext bytes;
 * *status is 1 while more may come, else what on_end is to say. */
static size_t decrypt(struct tls_stream *t, int *status)
{
    char *plain = t->base.loop->plain_buffer;
    size_t len = 0;
    *status = 1;
    t->engine->lower = t->lower;
    while (len < LOOP_PLAIN_BYTES) {
        size_t n = 0;
        ERR_clear_error();
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

/* Records without data (key updates, refused renegotiations) make us work and answer for nothing.
 * More of them than of data, beyond what a record in pieces accounts for, is an attack. */
static bool is_flood(struct tls_stream *t, size_t input_bytes, size_t data_bytes)
{
    t->silent_bytes += data_bytes ? 0 : (uint32_t)input_bytes;
    t->silent_bytes -= MIN(t->silent_bytes, (uint32_t)data_bytes);
    return t->silent_bytes > TLS_SILENT_MAX_BYTES;
}

static void on_lower_data(struct stream *lower, char *data, size_t len)
{
    struct tls_stream *t = lower->user;
    size_t data_bytes = 0;
    int status = 1;
    t->engine->input = slice_of(data, len);
    if (!t->open && !handshake(t))
        return;
    while (status == 1 && (t->engine->input.len || SSL_pending(t->ssl))) {
        size_t n = decrypt(t, &status);
        data_bytes += n;
        if (n)
            t->base.handler->on_data(&t->base, t->base.loop->plain_buffer, n);
        if (!t->ssl || t->end_told)
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
    if (t->open && t->ssl)
        t->base.handler->on_blocked(&t->base);
}

static void on_lower_drained(struct stream *lower)
{
    struct tls_stream *t = lower->user;
    if (t->open && t->ssl)
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
    if (t->ssl && !SSL_is_server(t->ssl))
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
