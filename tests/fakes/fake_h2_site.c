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
