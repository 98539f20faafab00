/* A stream without a socket: keeps what is written, and is fed by the test. */
#ifndef FAKES_FAKE_STREAM_H
#define FAKES_FAKE_STREAM_H

#include "net/stream.h"

struct fake_stream {
    struct stream base;
    char written[256 * 1024];
    size_t written_len;
    uint64_t acknowledged; /* what the test says that the peer has */
    bool paused, shut, closed, was_reset;
};

void fake_stream_init(struct fake_stream *f, struct loop *loop);
/* Bytes arrive: one event of the loop. The data is copied first, as codecs may write into it. */
void fake_stream_feed(struct fake_stream *f, const char *text);
void fake_stream_feed_bytes(struct fake_stream *f, struct slice bytes);
/* The peer ends its side. */
void fake_stream_end(struct fake_stream *f, int status);
/* The peer stops, or starts again, to take what is written. */
void fake_stream_block(struct fake_stream *f);
void fake_stream_drain(struct fake_stream *f);
/* Delivers on_closed after a close or reset. */
void fake_stream_finish(struct fake_stream *f);

#endif
