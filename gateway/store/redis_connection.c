/* States:  connecting -> open -> ended;  the memory goes with the stream's on_closed */
#include "store/redis_connection.h"

#include "common/mem.h"
#include "net/tcp_stream.h"
#include "store/redis_reader.h"
#include "tls/tls_client.h"

#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/x509_vfy.h>

#define SLOTS 256 /* calls, and what we say ourselves; a power of two */
#define ANSWER_MS 500
#define IDLE_MS 1000
#define CLOSE_MS 500
#define USER_TIMEOUT_MS 2000

struct slot {
    struct redis_call *call; /* borrowed */
    uint64_t sent_ms;
    uint32_t bytes;
    uint8_t await;
};

struct redis_connection {
    struct tcp_stream tcp;
    struct tls_stream tls;
    struct stream *stream; /* the upper one of the two */
    uv_connect_t connect;
    struct redis_setup *setup;                      /* borrowed */
    struct loop *loop;                              /* borrowed */
    const struct redis_connection_handler *handler; /* NULL: nobody listens any more */
    void *user;
    struct redis_reader *reader; /* owned */
    struct timer watch;
    const char *failure; /* that is still to be told; NULL: none */
    uint64_t heard_ms;
    uint32_t head, tail; /* sequence numbers: answers are awaited for [head, tail) */
    uint32_t pending_bytes;
    bool open, ended;
    struct slot slots[SLOTS];
};

static uint64_t now_ms(const struct redis_connection *c)
{
    return loop_now_ms(c->loop);
}

static void watch(struct redis_connection *c, uint64_t after_ms)
{
    timer_set(&c->loop->timers, &c->watch, after_ms);
}

/* --- what is awaited -------------------------------------------------------------------------- */

static bool is_idle(const struct redis_connection *c)
{
    return c->head == c->tail;
}

static struct slot *slot_at(struct redis_connection *c, uint32_t sequence)
{
    return &c->slots[sequence % SLOTS];
}

static struct slot pop(struct redis_connection *c)
{
    struct slot slot = *slot_at(c, c->head++);
    c->pending_bytes -= slot.bytes;
    return slot;
}

bool redis_connection_has_room(const struct redis_connection *c, size_t bytes)
{
    return c->tail - c->head < REDIS_PIPELINE_CALLS &&
           c->pending_bytes + bytes <= REDIS_PIPELINE_BYTES;
}

int redis_connection_send(struct redis_connection *c, enum redis_await await,
                          struct redis_call *call, struct slice command, uint32_t *sequence)
{
    if (!c->open || c->ended || c->tail - c->head >= SLOTS || command.len > UINT32_MAX / 2)
        return ERR_LIMIT;
    if (is_idle(c))
        watch(c, ANSWER_MS);
    if (sequence)
        *sequence = c->tail;
    *slot_at(c, c->tail++) =
        (struct slot){ call, now_ms(c), (uint32_t)command.len, (uint8_t)await };
    c->pending_bytes += (uint32_t)command.len;
    stream_write(c->stream, command);
    return 0;
}

int redis_connection_command(struct redis_connection *c, enum redis_await await,
                             const struct slice *args, size_t count)
{
    size_t len;
    char *command = redis_format(args, count, &len);
    if (!command)
        return ERR_LIMIT;
    int rc = redis_connection_send(c, await, NULL, slice_of(command, len), NULL);
    mem_wipe(command, len); /* it may be AUTH */
    redisFreeCommand(command);
    return rc;
}

int redis_connection_auth(struct redis_connection *c)
{
    const struct slice user = slice_str(c->setup->config->username);
    const struct slice with_user[] = { SLICE("AUTH"), user, c->setup->password };
    const struct slice alone[] = { SLICE("AUTH"), c->setup->password };
    if (c->setup->password.len == 0)
        return 0;
    return user.len ? redis_connection_command(c, REDIS_AWAIT_AUTH, with_user, ARRAY_LEN(with_user))
                    : redis_connection_command(c, REDIS_AWAIT_AUTH, alone, ARRAY_LEN(alone));
}

void redis_connection_forget(struct redis_connection *c, uint32_t sequence)
{
    struct slot *slot = slot_at(c, sequence);
    slot->call = NULL;
    slot->await = REDIS_AWAIT_NOTHING;
}

struct redis_call *redis_connection_unanswered(struct redis_connection *c)
{
    while (!is_idle(c)) {
        struct slot slot = pop(c);
        if (slot.await == REDIS_AWAIT_CALL)
            return slot.call;
    }
    return NULL;
}

/* --- ending ----------------------------------------------------------------------------------- */

static void end(struct redis_connection *c, const char *why)
{
    const struct redis_connection_handler *handler = c->handler;
    if (c->ended)
        return;
    c->ended = true;
    c->handler = NULL;
    timer_cancel(&c->watch);
    stream_reset(c->stream);
    if (handler)
        handler->on_end(c->user, c, why);
}

void redis_connection_close(struct redis_connection **pointer)
{
    struct redis_connection *c = *pointer;
    *pointer = NULL;
    if (!c || c->ended)
        return;
    c->ended = true;
    c->handler = NULL;
    watch(c, CLOSE_MS);
    stream_close(c->stream);
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool is_message(const redisReply *r)
{
    return r->type == REDIS_REPLY_ARRAY && r->elements == 3 &&
           r->element[0]->type == REDIS_REPLY_STRING &&
           slice_eq(slice_of(r->element[0]->str, r->element[0]->len), SLICE("message"));
}

static void take_reply(struct redis_connection *c, const redisReply *r)
{
    if (c->handler->on_push && is_message(r)) {
        c->handler->on_push(c->user, r);
        return;
    }
    if (is_idle(c)) {
        end(c, "it answers what was not asked");
        return;
    }
    struct slot slot = pop(c);
    if (slot.await != REDIS_AWAIT_NOTHING)
        c->handler->on_reply(c->user, slot.await, slot.call, r);
}

static void on_data(struct stream *s, char *data, size_t len)
{
    struct redis_connection *c = s->user;
    if (c->ended)
        return;
    c->heard_ms = now_ms(c);
    const char *why = redis_reader_feed(c->reader, slice_of(data, len));
    struct redisReply *reply = why ? NULL : redis_reader_next(c->reader, &why);
    while (reply) {
        take_reply(c, reply);
        freeReplyObject(reply);
        reply = c->ended ? NULL : redis_reader_next(c->reader, &why);
    }
    if (why)
        end(c, why);
}

/* --- events ----------------------------------------------------------------------------------- */

static void on_open(struct stream *s)
{
    struct redis_connection *c = s->user;
    uv_os_fd_t fd;
    unsigned timeout_ms = USER_TIMEOUT_MS;
    if (c->ended || c->failure)
        return;
    if (uv_fileno((uv_handle_t *)&c->tcp.uv, &fd) == 0)
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
    c->open = true;
    c->heard_ms = now_ms(c);
    watch(c, IDLE_MS);
    c->handler->on_open(c->user);
}

static const char *reason(const struct redis_connection *c, int status)
{
    if (status == 0)
        return "it has closed the connection";
    if (status != ERR_INVALID)
        return uv_strerror(status);
    long verified = c->tls.ssl ? SSL_get_verify_result(c->tls.ssl) : X509_V_OK;
    return verified == X509_V_OK ? "TLS fails" : X509_verify_cert_error_string(verified);
}

static void on_end(struct stream *s, int status)
{
    struct redis_connection *c = s->user;
    end(c, reason(c, status));
}

/* What is written is bounded by the pipeline: there is nothing to stop. */
static void on_flow(struct stream *s)
{
    (void)s;
}

static void on_closed(struct stream *s)
{
    struct redis_connection *c = s->user;
    timer_cancel(&c->watch);
    redis_reader_free(&c->reader);
    mem_free(c);
}

static const struct stream_handler stream_handler = {
    .on_open = on_open,
    .on_data = on_data,
    .on_end = on_end,
    .on_blocked = on_flow,
    .on_drained = on_flow,
    .on_closed = on_closed,
};

static bool is_overdue(struct redis_connection *c)
{
    return !is_idle(c) && now_ms(c) - slot_at(c, c->head)->sent_ms >= ANSWER_MS;
}

static void ask_for_life(struct redis_connection *c)
{
    const struct slice ping = SLICE("PING");
    if (is_idle(c) && now_ms(c) - c->heard_ms >= IDLE_MS &&
        redis_connection_command(c, REDIS_AWAIT_NOTHING, &ping, 1) < 0)
        end(c, "there is no memory for a command");
}

static void on_watch(struct timer *t)
{
    struct redis_connection *c = CONTAINER_OF(t, struct redis_connection, watch);
    if (c->ended) {
        stream_reset(c->stream); /* it takes too long to say goodbye */
        return;
    }
    if (c->failure || is_overdue(c)) {
        end(c, c->failure ? c->failure : "it does not answer");
        return;
    }
    ask_for_life(c);
    if (!c->ended)
        watch(c, is_idle(c) ? IDLE_MS : slot_at(c, c->head)->sent_ms + ANSWER_MS - now_ms(c));
}

/* --- beginning -------------------------------------------------------------------------------- */

static const char *put_tls(struct redis_connection *c, const struct address *address)
{
    char ip[ADDRESS_TEXT_BYTES];
    const char *name = c->setup->config->tls_name;
    if (!c->setup->tls)
        return c->setup->problem.text;
    address_format(address, ip);
    SSL *ssl = tls_client_ssl(c->setup->tls, name ? name : ip);
    if (!ssl)
        return "there is no memory for TLS";
    tls_stream_init(&c->tls, &c->tcp.base, &c->setup->engine, ssl);
    c->stream = &c->tls.base;
    return NULL;
}

struct redis_connection *redis_connection_open(struct redis_setup *setup,
                                               const struct address *address,
                                               const struct redis_connection_handler *handler,
                                               void *user)
{
    struct sockaddr_storage to;
    struct redis_connection *c = mem_new(sizeof(*c));
    c->setup = setup;
    c->loop = setup->loop;
    c->handler = handler;
    c->user = user;
    timer_init(&c->watch, on_watch);
    address_to_sockaddr(address, &to);
    int rc = tcp_stream_connect(&c->tcp, setup->loop, &c->connect, (const struct sockaddr *)&to,
                                (struct tcp_bounds){ 0 });
    c->stream = &c->tcp.base;
    if (rc < 0)
        c->failure = uv_strerror(rc);
    else if (setup->config->tls)
        c->failure = put_tls(c, address);
    c->reader = redis_reader_new();
    if (!c->reader)
        c->failure = "there is no memory for a reader";
    stream_set_handler(c->stream, &stream_handler, c);
    stream_resume(c->stream);
    if (c->failure)
        watch(c, 0);
    return c;
}
