#include "tls/tls_engine.h"

#include "common/log.h"

#include <stdlib.h>

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
    struct slice bytes = slice_of(data, (size_t)len);
    BIO_clear_retry_flags(bio);
    handoff_note_sent(e->handoff, bytes);
    stream_write(e->lower, bytes);
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
    record_engine_init(&e->records);
}

void tls_engine_fini(struct tls_engine *e)
{
    record_engine_fini(&e->records);
    BIO_free(e->bio);
    BIO_meth_free(e->method);
    *e = (struct tls_engine){ 0 };
}
