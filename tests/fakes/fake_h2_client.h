/* A client of HTTP/2 in memory, at the other end of a fake_stream: nghttp2's, or frames that the
 * test writes by itself. */
#ifndef FAKES_FAKE_H2_CLIENT_H
#define FAKES_FAKE_H2_CLIENT_H

#include "fakes/fake_stream.h"

#include <nghttp2/nghttp2.h>

#define FAKE_H2_ANSWERS 128

/* What has come on one stream. */
struct fake_h2_answer {
    int32_t id;
    char fields[4096]; /* "name: value\n" of all blocks, interim ones and trailers too */
    size_t body_bytes;
    char body[4096]; /* its beginning */
    bool ended, reset;
    uint32_t reset_code;
};

struct fake_h2_client {
    nghttp2_session *session; /* owned */
    struct fake_stream *stream;
    struct fake_h2_answer answers[FAKE_H2_ANSWERS];
    size_t answer_count;
    unsigned goaways;
    uint32_t goaway_code;
    int32_t goaway_last;
    bool takes_by_hand; /* windows grow only when the test says so */
    bool keeps_going;   /* bodies of requests are not ended */
};

/* Sends preface and SETTINGS. */
void fake_h2_client_init(struct fake_h2_client *c, struct fake_stream *stream, uint32_t window);
void fake_h2_client_fini(struct fake_h2_client *c);
/* Bytes go both ways until there are none. */
void fake_h2_client_run(struct fake_h2_client *c);
/* Sends a request: "name: value\n" lines beside the pseudo-header fields, which are method and path
 * with fixed scheme and authority; body may be NULL. Returns the stream's id. */
int32_t fake_h2_client_request(struct fake_h2_client *c, const char *method, const char *path,
                               const char *fields, const char *body);
/* The same with all fields given. */
int32_t fake_h2_client_send(struct fake_h2_client *c, const char *fields, const char *body);
/* More of a body that keeps going; NULL: its end. */
void fake_h2_client_more(struct fake_h2_client *c, int32_t id, const char *body);
/* A frame that nghttp2 knows nothing of. Nothing is sent once the stream is closed. */
void fake_h2_client_frame(struct fake_h2_client *c, uint8_t type, uint8_t flags, int32_t id,
                          const void *payload, size_t len);
/* NULL when nothing has come. */
const struct fake_h2_answer *fake_h2_client_answer(const struct fake_h2_client *c, int32_t id);

#endif
