#include "fakes/fake_stream.h"

static struct fake_stream *fake_of(struct stream *s)
{
    return CONTAINER_OF(s, struct fake_stream, base);
}

static void fake_write(struct stream *s, struct slice bytes)
{
    struct fake_stream *f = fake_of(s);
    if (f->shut || f->closed)
        return;
    assert(bytes.len < sizeof(f->written) - f->written_len);
    memcpy(f->written + f->written_len, bytes.data, bytes.len);
    f->written_len += bytes.len;
    f->written[f->written_len] = '\0';
}

static void fake_flush(struct stream *s)
{
    (void)s;
}

static void fake_pause(struct stream *s)
{
    fake_of(s)->paused = true;
}

static void fake_resume(struct stream *s)
{
    fake_of(s)->paused = false;
}

static void fake_shutdown(struct stream *s)
{
    fake_of(s)->shut = true;
}

static void fake_close(struct stream *s)
{
    fake_of(s)->closed = true;
}

static void fake_reset(struct stream *s)
{
    fake_of(s)->closed = fake_of(s)->was_reset = true;
}

static uint64_t fake_acknowledged(const struct stream *s)
{
    return CONTAINER_OF(s, struct fake_stream, base)->acknowledged;
}

static struct address fake_local_address(const struct stream *s)
{
    (void)s;
    return (struct address){ 0 };
}

static const struct stream_ops fake_ops = {
    .write = fake_write,
    .flush = fake_flush,
    .pause = fake_pause,
    .resume = fake_resume,
    .shutdown = fake_shutdown,
    .close = fake_close,
    .reset = fake_reset,
    .acknowledged = fake_acknowledged,
    .local_address = fake_local_address,
};

void fake_stream_init(struct fake_stream *f, struct loop *loop)
{
    *f = (struct fake_stream){ .base = { .ops = &fake_ops, .loop = loop }, .paused = true };
}

void fake_stream_feed(struct fake_stream *f, const char *text)
{
    fake_stream_feed_bytes(f, slice_str(text));
}

void fake_stream_feed_bytes(struct fake_stream *f, struct slice bytes)
{
    struct loop *l = f->base.loop;
    assert(!f->paused && !f->closed && bytes.len <= LOOP_READ_BYTES);
    loop_event_begin(l);
    memcpy(l->read_buffer, bytes.data, bytes.len);
    f->base.handler->on_data(&f->base, l->read_buffer, bytes.len);
    loop_event_end(l);
}

static void deliver(struct fake_stream *f, void (*event)(struct stream *s))
{
    loop_event_begin(f->base.loop);
    event(&f->base);
    loop_event_end(f->base.loop);
}

void fake_stream_end(struct fake_stream *f, int status)
{
    loop_event_begin(f->base.loop);
    f->base.handler->on_end(&f->base, status);
    loop_event_end(f->base.loop);
}

void fake_stream_block(struct fake_stream *f)
{
    deliver(f, f->base.handler->on_blocked);
}

void fake_stream_drain(struct fake_stream *f)
{
    deliver(f, f->base.handler->on_drained);
}

void fake_stream_finish(struct fake_stream *f)
{
    assert(f->closed);
    deliver(f, f->base.handler->on_closed);
}
