/* A protocol's server on a fake stream, and a handler that notes what comes and answers when the
 * test says so. There is one of it. */
#ifndef FAKES_FAKE_SITE_H
#define FAKES_FAKE_SITE_H

#include "fakes/fake_h2_client.h"
#include "http/h1_server.h"
#include "http/h2_sleep.h"

struct fake_site {
    struct loop loop;
    struct fake_stream stream;
    struct http_server server;
    struct client_info client;
    struct metrics metrics;
    union {
        struct h1_server h1;
        struct h2_server h2;
    };
    struct h2_sleep sleep;        /* while asleep, in place of h2 */
    struct fake_h2_client remote; /* of HTTP/2 */
    struct exchange *current;     /* the last one that was not closed */
    unsigned requests, ends, closes, blocks, drains;
    enum close_reason reason;
    char path[256], cookies[256], trailer[64];
    char body[4096];
    size_t body_len;
    bool answer_at_once, pause_at_once;
    struct slice more; /* sent as soon as there is room again */
    bool asleep;
    bool freed; /* the protocol's server has said that it is closed */
};

extern struct fake_site s;

/* Everything but the protocol's server. Each returns 0, or -1. */
int fake_site_begin(void);
/* When that has been stopped. */
int fake_site_end(void);
/* In an event of the loop. */
void fake_site_answer(struct exchange *ex, const char *body);

#endif
