#include "fakes/fake_h2_site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static void on_h2_closed(struct h2_server *h)
{
    (void)h;
    s.freed = true;
}

int fake_h2_set_up(void **state)
{
    (void)state;
    if (fake_site_begin() < 0)
        return -1;
    s.client.tls_version = "TLSv1.3";
    loop_event_begin(&s.loop);
    h2_server_init(&s.h2, &s.stream.base, &s.server, &s.client, on_h2_closed);
    loop_event_end(&s.loop);
    fake_h2_client_init(&s.remote, &s.stream, 65535);
    return 0;
}

int fake_h2_tear_down(void **state)
{
    (void)state;
    if (!s.stream.closed) {
        loop_event_begin(&s.loop);
        if (s.asleep)
            h2_sleep_stop(&s.sleep);
        else
            h2_server_stop(&s.h2);
        loop_event_end(&s.loop);
    }
    fake_h2_client_fini(&s.remote);
    return fake_site_end();
}

void fake_h2_answer(struct exchange *ex, const char *body)
{
    fake_site_answer(ex, body);
    fake_h2_client_run(&s.remote);
}

void fake_h2_begin_answer(struct exchange *ex)
{
    loop_event_begin(&s.loop);
    ex->response.status = 200;
    ex->response.body = BODY_CHUNKED;
    exchange_send_head(ex);
    loop_event_end(&s.loop);
}

void fake_h2_send_bytes(struct exchange *ex, size_t bytes)
{
    static char block[60000];
    memset(block, 'x', sizeof(block));
    assert(bytes <= sizeof(block));
    loop_event_begin(&s.loop);
    exchange_send_body(ex, slice_of(block, bytes));
    loop_event_end(&s.loop);
    fake_h2_client_run(&s.remote);
}

void fake_h2_end_answer(struct exchange *ex, const struct headers *trailers)
{
    loop_event_begin(&s.loop);
    exchange_send_end(ex, trailers);
    loop_event_end(&s.loop);
    fake_h2_client_run(&s.remote);
}

/* ---- sleep ---- */

static void on_rest(struct h2_server *h);

static void on_woken(struct h2_sleep *sleep, char *data, size_t len)
{
    h2_sleep_end(sleep);
    s.asleep = false;
    memset(&s.h2, 0, sizeof(s.h2));
    s.h2.on_rest = on_rest;
    h2_server_wake(&s.h2, sleep, &s.client, on_h2_closed);
    s.stream.base.handler->on_data(&s.stream.base, data, len);
}

static void on_sleep_closed(struct h2_sleep *sleep)
{
    (void)sleep;
    s.freed = true;
}

static void on_rest(struct h2_server *h)
{
    s.asleep = true;
    s.sleep = (struct h2_sleep){ .on_woken = on_woken, .on_closed = on_sleep_closed };
    h2_sleep_begin(&s.sleep, h);
}

void fake_h2_let_sleep(void)
{
    s.h2.on_rest = on_rest;
}

void fake_h2_expire(void)
{
    struct timer *t = s.asleep ? &s.sleep.timer : &s.h2.timer;
    loop_event_begin(&s.loop);
    t->on_expired(t);
    loop_event_end(&s.loop);
    fake_h2_client_run(&s.remote);
}

const struct fake_h2_answer *fake_h2_got(int32_t id)
{
    const struct fake_h2_answer *a = fake_h2_client_answer(&s.remote, id);
    assert_non_null(a);
    return a;
}

void fake_h2_assert_status(int32_t id, unsigned status)
{
    char text[32];
    snprintf(text, sizeof(text), ":status: %u\n", status);
    if (!strstr(fake_h2_got(id)->fields, text))
        fail_msg("no status %u in:\n%s", status, fake_h2_got(id)->fields);
}

void fake_h2_assert_field(int32_t id, const char *field)
{
    if (!strstr(fake_h2_got(id)->fields, field))
        fail_msg("\"%s\" is not in:\n%s", field, fake_h2_got(id)->fields);
}
