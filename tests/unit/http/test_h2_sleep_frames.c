/* The same frames, cut anywhere, to a connection that is awake and to one that sleeps. */
#include "fakes/fake_h2_site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define FRAME(length, type, flags, id) "\0\0" length type flags "\0\0\0" id
#define OLD "\1"    /* a stream that has ended */
#define CLOSED "\3" /* one that it has skipped */
#define IDLE "\11"

/* GET https://a/, behind what an empty table of fields needs. */
#define GET_FIELDS                                                                                 \
    "\x20\x82\x87\x84\x01\x01"                                                                     \
    "a"

struct edge {
    const char *name, *bytes;
    size_t len;
};
#define EDGE(name, bytes)                                                                          \
    {                                                                                              \
        name, bytes, sizeof(bytes) - 1                                                             \
    }

static const struct edge edges[] = {
    EDGE("PING", FRAME("\10", "\6", "\0", "\0") "12345678"),
    EDGE("PING of a stream", FRAME("\10", "\6", "\0", OLD) "12345678"),
    EDGE("short PING", FRAME("\7", "\6", "\0", "\0") "1234567"),
    EDGE("PONG", FRAME("\10", "\6", "\1", "\0") "12345678"),
    EDGE("SETTINGS", FRAME("\6", "\4", "\0", "\0") "\0\4\0\0\1\0"),
    EDGE("SETTINGS of an endless window", FRAME("\6", "\4", "\0", "\0") "\0\4\xff\0\0\0"),
    EDGE("SETTINGS of an odd frame size", FRAME("\6", "\4", "\0", "\0") "\0\5\0\0\0\1"),
    EDGE("SETTINGS that change what cannot change", FRAME("\6", "\4", "\0", "\0") "\0\x9\0\0\0\1"),
    EDGE("short SETTINGS", FRAME("\5", "\4", "\0", "\0") "\0\4\0\0\1"),
    EDGE("ACK of no SETTINGS", FRAME("\0", "\4", "\1", "\0")),
    EDGE("WINDOW_UPDATE", FRAME("\4", "\10", "\0", "\0") "\0\0\1\0"),
    EDGE("WINDOW_UPDATE by nought", FRAME("\4", "\10", "\0", "\0") "\0\0\0\0"),
    EDGE("WINDOW_UPDATE beyond all", FRAME("\4", "\10", "\0", "\0") "\x7f\xff\xff\xff"),
    /* The client has taken 4 bytes, so 65,531 are left. */
    EDGE("WINDOW_UPDATE up to all", FRAME("\4", "\10", "\0", "\0") "\x7f\xff\0\4"),
    EDGE("WINDOW_UPDATE one beyond", FRAME("\4", "\10", "\0", "\0") "\x7f\xff\0\5"),
    EDGE("WINDOW_UPDATE of an old stream", FRAME("\4", "\10", "\0", OLD) "\0\0\1\0"),
    EDGE("WINDOW_UPDATE of an idle stream", FRAME("\4", "\10", "\0", IDLE) "\0\0\1\0"),
    EDGE("PRIORITY", FRAME("\5", "\2", "\0", IDLE) "\0\0\0\0\1"),
    EDGE("PRIORITY of no stream", FRAME("\5", "\2", "\0", "\0") "\0\0\0\0\1"),
    EDGE("PRIORITY_UPDATE", FRAME("\7", "\x10", "\0", "\0") "\0\0\0\11u=1"),
    EDGE("RST_STREAM of an old stream", FRAME("\4", "\3", "\0", OLD) "\0\0\0\10"),
    EDGE("RST_STREAM of an idle stream", FRAME("\4", "\3", "\0", IDLE) "\0\0\0\10"),
    EDGE("DATA on an old stream", FRAME("\3", "\0", "\1", OLD) "abc"),
    EDGE("DATA on a skipped stream", FRAME("\3", "\0", "\1", CLOSED) "abc"),
    EDGE("DATA on an idle stream", FRAME("\3", "\0", "\1", IDLE) "abc"),
    EDGE("DATA on no stream", FRAME("\3", "\0", "\1", "\0") "abc"),
    EDGE("HEADERS of an old stream", FRAME("\7", "\1", "\5", OLD) GET_FIELDS),
    EDGE("HEADERS of a skipped stream", FRAME("\7", "\1", "\5", CLOSED) GET_FIELDS),
    EDGE("HEADERS of an even stream", FRAME("\7", "\1", "\5", "\6") GET_FIELDS),
    EDGE("HEADERS of no stream", FRAME("\7", "\1", "\5", "\0") GET_FIELDS),
    EDGE("HEADERS with a size too large", FRAME("\3", "\1", "\5", IDLE) "\x3f\xe1\x3f"),
    EDGE("HEADERS with a field that is not there", FRAME("\2", "\1", "\5", IDLE) "\x20\xbe"),
    EDGE("HEADERS without a path", FRAME("\3", "\1", "\5", IDLE) "\x20\x82\x87"),
    EDGE("CONTINUATION of nothing", FRAME("\1", "\x9", "\4", IDLE) "\x82"),
    EDGE("PUSH_PROMISE", FRAME("\4", "\5", "\4", OLD) "\0\0\0\2"),
    EDGE("GOAWAY", FRAME("\10", "\7", "\0", "\0") "\0\0\0\0\0\0\0\0"),
    EDGE("an unknown frame", FRAME("\3", "\x7f", "\0", "\0") "abc"),
    EDGE("a frame too large", "\0\x80\0\0\0\0\0\0\1"),
    EDGE("garbage", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    EDGE("a preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    EDGE("two PINGs",
         FRAME("\10", "\6", "\0", "\0") "12345678" FRAME("\10", "\6", "\0", "\0") "abcdefgh"),
};

struct outcome {
    char written[4096];
    size_t len;
    bool shut, closed;
    unsigned requests;
    int64_t window;
};

static void stay_awake(struct h2_server *h)
{
    h2_sleep_forget(h);
}

static void note(struct outcome *o)
{
    assert_in_range(o->len + s.stream.written_len, 0, sizeof(o->written));
    memcpy(o->written + o->len, s.stream.written, s.stream.written_len);
    o->len += s.stream.written_len;
    s.stream.written_len = 0;
}

static void feed(struct outcome *o, const char *bytes, size_t len)
{
    if (s.stream.closed || len == 0)
        return;
    fake_stream_feed_bytes(&s.stream, slice_of(bytes, len));
    note(o);
}

/* Streams 1 and 7 have ended; 3 and 5 were skipped. */
static struct outcome outcome_of(const struct edge *e, size_t cut, bool asleep)
{
    static const char another[] = FRAME("\7", "\1", "\5", "\13") GET_FIELDS;
    struct outcome o = { .len = 0 };
    void *state = NULL;
    assert_int_equal(fake_h2_set_up(&state), 0);
    s.answer_at_once = true;
    fake_h2_let_sleep();
    if (!asleep)
        s.h2.on_rest = stay_awake;
    fake_h2_client_request(&s.remote, "GET", "/abc", NULL, NULL);
    nghttp2_session_set_next_stream_id(s.remote.session, 7);
    fake_h2_client_request(&s.remote, "HEAD", "/", NULL, NULL);
    fake_h2_expire();
    assert_int_equal(s.asleep, asleep);
    assert_true(s.h2.table_off);
    feed(&o, e->bytes, cut);
    feed(&o, e->bytes + cut, e->len - cut);
    size_t len = o.len; /* each answer has a code of its own */
    feed(&o, another, sizeof(another) - 1);
    o.len = len;
    o.shut = s.stream.shut;
    o.closed = s.stream.closed;
    o.requests = s.requests;
    o.window = s.asleep || !s.h2.session || s.h2.state != H2_OPEN
                   ? 0
                   : nghttp2_session_get_remote_window_size(s.h2.session);
    assert_int_equal(fake_h2_tear_down(&state), 0);
    return o;
}

static void every_frame_is_answered_as_if_it_had_not_slept(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
        for (size_t cut = 0; cut < edges[i].len; cut++) {
            struct outcome awake = outcome_of(&edges[i], cut, false);
            struct outcome asleep = outcome_of(&edges[i], cut, true);
            if (awake.len != asleep.len || memcmp(awake.written, asleep.written, awake.len) != 0 ||
                awake.shut != asleep.shut || awake.closed != asleep.closed ||
                awake.requests != asleep.requests || awake.window != asleep.window)
                fail_msg("%s, cut at %zu: awake %zu bytes, shut %d, window %jd; asleep %zu, %d, "
                         "%jd",
                         edges[i].name, cut, awake.len, awake.shut, (intmax_t)awake.window,
                         asleep.len, asleep.shut, (intmax_t)asleep.window);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_frame_is_answered_as_if_it_had_not_slept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
