/* An h2_server on a fake stream, a client at its other end, and a handler that notes what comes and
 * answers when the test says so. There is one of it. */
#ifndef FAKES_FAKE_H2_SITE_H
#define FAKES_FAKE_H2_SITE_H

#include "fakes/fake_h2_client.h"
#include "http/h2_server.h"

struct fake_h2_site {
    struct loop loop;
    struct fake_stream stream;
    struct http_server server;
    struct client_info client;
    struct metrics metrics;
    struct h2_server h2;
    struct fake_h2_client remote;
    struct exchange *current; /* the last one that was not closed */
    unsigned requests, ends, closes, blocks, drains;
    enum close_reason reason;
    char path[256], cookies[256], trailer[64];
    char body[4096];
    size_t body_len;
    bool answer_at_once, pause_at_once, freed;
};

extern struct fake_h2_site s;

/* For cmocka_unit_test_setup_teardown(). */
int fake_h2_set_up(void **state);
int fake_h2_tear_down(void **state);

/* Each is an event of the loop, after which bytes go both ways until there are none. */
void fake_h2_answer(struct exchange *ex, const char *body);
void fake_h2_begin_answer(struct exchange *ex);
void fake_h2_send_bytes(struct exchange *ex, size_t bytes);
void fake_h2_end_answer(struct exchange *ex, const struct headers *trailers);

/* What has come on a stream; the test fails when there is nothing. */
const struct fake_h2_answer *fake_h2_got(int32_t id);
void fake_h2_assert_status(int32_t id, unsigned status);
void fake_h2_assert_field(int32_t id, const char *field);

#endif
