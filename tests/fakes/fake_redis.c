#include "fakes/fake_redis.h"

#include "common/mem.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define REQUIRE(condition) ((condition) ? (void)0 : abort())
#define DEADLINE_MS 20000
#define READ_BYTES 65536

struct fake_redis_peer {
    uv_tcp_t uv;
    struct fake_redis *fake; /* borrowed; NULL: closing */
    struct fake_redis_peer *next;
    redisReader *reader;
    char input[READ_BYTES];
};

/* ---- connections ---- */

static void on_peer_closed(uv_handle_t *handle)
{
    struct fake_redis_peer *p = handle->data;
    redisReaderFree(p->reader);
    mem_free(p);
}

static void close_peer(struct fake_redis_peer *p)
{
    struct fake_redis_peer **link = &p->fake->peers;
    while (*link != p)
        link = &(*link)->next;
    *link = p->next;
    p->fake = NULL;
    uv_close((uv_handle_t *)&p->uv, on_peer_closed);
}

/* Far less than a socket buffer: it is taken at once. */
static void say_to(struct fake_redis_peer *p, const char *text)
{
    uv_buf_t buf = uv_buf_init((char *)text, (unsigned)strlen(text));
    if (buf.len)
        REQUIRE(uv_try_write((uv_stream_t *)&p->uv, &buf, 1) == (int)buf.len);
}

const char *fake_redis_greet(const redisReply *command)
{
    if (fake_redis_is(command, "PING"))
        return "+PONG\r\n";
    if (fake_redis_is(command, "ROLE"))
        return "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n";
    if (fake_redis_is(command, "AUTH") || fake_redis_is(command, "SCRIPT"))
        return "+OK\r\n";
    return NULL;
}

static void take_command(struct fake_redis_peer *p, const redisReply *command)
{
    struct fake_redis *f = p->fake;
    const char *greeting = f->answers_all ? NULL : fake_redis_greet(command);
    if (f->is_mute)
        return;
    f->commands += !greeting;
    f->speaking = p;
    const char *text = greeting ? greeting : f->answer(f, command);
    if (p->fake && text)
        say_to(p, text);
    f->speaking = NULL;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct fake_redis_peer *p = handle->data;
    (void)suggested;
    *buf = uv_buf_init(p->input, sizeof(p->input));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct fake_redis_peer *p = stream->data;
    if (n < 0 && p->fake)
        close_peer(p);
    if (n <= 0)
        return;
    REQUIRE(redisReaderFeed(p->reader, buf->base, (size_t)n) == REDIS_OK);
    while (p->fake) {
        void *command = NULL;
        REQUIRE(redisReaderGetReply(p->reader, &command) == REDIS_OK);
        if (!command)
            break;
        take_command(p, command);
        freeReplyObject(command);
    }
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct fake_redis *f = listener->data;
    struct fake_redis_peer *p = mem_new(sizeof(*p));
    REQUIRE(status == 0 && uv_tcp_init(listener->loop, &p->uv) == 0);
    p->uv.data = p;
    p->fake = f;
    p->reader = redisReaderCreate();
    p->next = f->peers;
    f->peers = p;
    f->connections++;
    REQUIRE(uv_accept(listener, (uv_stream_t *)&p->uv) == 0);
    uv_read_start((uv_stream_t *)&p->uv, on_alloc, on_read);
}

/* ---- the server ---- */

void fake_redis_init(struct fake_redis *f, struct loop *loop, fake_redis_fn answer, void *user)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int len = sizeof(address);
    *f = (struct fake_redis){ .loop = loop, .answer = answer, .user = user };
    REQUIRE(uv_tcp_init(&loop->uv, &f->listener) == 0);
    f->listener.data = f;
    REQUIRE(uv_tcp_bind(&f->listener, (struct sockaddr *)&address, 0) == 0);
    REQUIRE(uv_listen((uv_stream_t *)&f->listener, 16, on_connection) == 0);
    REQUIRE(uv_tcp_getsockname(&f->listener, (struct sockaddr *)&address, &len) == 0);
    f->port = ntohs(address.sin_port);
}

void fake_redis_hang_up_all(struct fake_redis *f)
{
    while (f->peers)
        close_peer(f->peers);
}

void fake_redis_hang_up(struct fake_redis *f)
{
    close_peer(f->speaking);
}

void fake_redis_fini(struct fake_redis *f)
{
    fake_redis_hang_up_all(f);
    uv_close((uv_handle_t *)&f->listener, NULL);
}

void fake_redis_say(struct fake_redis *f, const char *text)
{
    for (struct fake_redis_peer *p = f->peers; p; p = p->next)
        say_to(p, text);
}

struct slice fake_redis_argument(const redisReply *command, size_t index)
{
    if (index >= command->elements)
        return slice_of(NULL, 0);
    return slice_of(command->element[index]->str, command->element[index]->len);
}

bool fake_redis_is(const redisReply *command, const char *word)
{
    return slice_eq_nocase(fake_redis_argument(command, 0), slice_str(word));
}

/* ---- its client ---- */

void fake_redis_config(struct fake_redis_config *c, enum config_redis_kind kind,
                       const uint16_t *ports, size_t count)
{
    REQUIRE(count <= FAKE_REDIS_SERVERS_MAX);
    *c = (struct fake_redis_config){ .redis = {
                                         .kind = kind,
                                         .servers = c->servers,
                                         .server_count = count,
                                         .connect_timeout_ms = 500,
                                         .command_timeout_ms = 50,
                                     } };
    for (size_t i = 0; i < count; i++) {
        struct sockaddr_in *in = (void *)&c->servers[i].sockaddr;
        in->sin_family = AF_INET;
        in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        in->sin_port = htons(ports[i]);
        c->servers[i].len = sizeof(*in);
    }
}

static void on_tick(uv_timer_t *timer)
{
    (void)timer; /* the wheel's timer alone keeps no loop going */
}

void fake_redis_run(struct loop *loop, bool (*is_done)(void *user), void *user)
{
    uv_timer_t tick;
    uv_update_time(&loop->uv);
    uint64_t deadline_ms = loop_now_ms(loop) + DEADLINE_MS;
    uv_timer_init(&loop->uv, &tick);
    uv_timer_start(&tick, on_tick, 10, 10);
    while (!is_done(user)) {
        REQUIRE(loop_now_ms(loop) < deadline_ms);
        uv_run(&loop->uv, UV_RUN_ONCE);
    }
    uv_close((uv_handle_t *)&tick, NULL);
    uv_run(&loop->uv, UV_RUN_NOWAIT);
}
