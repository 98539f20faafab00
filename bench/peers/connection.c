#include "bench/peers/connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Loopback addresses to connect from, so that ports do not run out: 127.0.0.2 and up. */
#define SOURCES 16

static char received[65536]; /* what an answer says is thrown away */

/* --- what all connections share --------------------------------------------------------------- */

static int on_ticket(SSL *ssl, SSL_SESSION *session)
{
    struct connection *c = SSL_get_app_data(ssl);
    SSL_SESSION_free(c->session);
    c->session = session;
    return 1; /* the reference is ours now */
}

SSL_CTX *connection_tls(bool resumes)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (!ctx || SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_quiet_shutdown(ctx, 1);
    if (resumes) {
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(ctx, on_ticket);
    }
    return ctx;
}

static int on_message_complete(llhttp_t *parser)
{
    struct connection *c = parser->data;
    c->is_answered = true;
    return parser->status_code == 200 ? 0 : -1;
}

static const llhttp_settings_t parser_settings = { .on_message_complete = on_message_complete };

/* --- opening ---------------------------------------------------------------------------------- */

void connection_init(struct connection *c, const struct connection_plan *plan)
{
    *c = (struct connection){ .plan = plan, .fd = -1 };
    list_init(&c->spare);
}

/* The port is chosen at connect(), when the destination is known, so that one port of ours may
 * serve many destinations (ip(7), IP_BIND_ADDRESS_NO_PORT). */
static bool connect_from(int fd, size_t number, uint16_t port)
{
    int on = 1;
    struct sockaddr_in from = { .sin_family = AF_INET };
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + (uint32_t)(number % SOURCES));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
           setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) == 0 &&
           bind(fd, (struct sockaddr *)&from, sizeof(from)) == 0 &&
           (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 || errno == EINPROGRESS);
}

bool connection_open(struct connection *c, size_t number)
{
    struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                 .data.ptr = c };
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        return false;
    c->state = CONNECTION_CONNECTING;
    c->is_answered = false;
    llhttp_init(&c->parser, HTTP_RESPONSE, &parser_settings);
    c->parser.data = c;
    return connect_from(c->fd, number, c->plan->port) &&
           epoll_ctl(c->plan->epoll, EPOLL_CTL_ADD, c->fd, &event) == 0;
}

static bool begin_tls(struct connection *c)
{
    c->ssl = SSL_new(c->plan->tls);
    if (!c->ssl || SSL_set_fd(c->ssl, c->fd) != 1 || SSL_set_app_data(c->ssl, c) != 1)
        return false;
    if (c->session && SSL_set_session(c->ssl, c->session) != 1)
        return false;
    SSL_set_connect_state(c->ssl);
    c->state = CONNECTION_SHAKING_HANDS;
    return true;
}

static enum connection_event on_connect(struct connection *c)
{
    struct tcp_info info;
    socklen_t len = sizeof(info);
    if (getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
        return CONNECTION_LOST;
    if (info.tcpi_state == TCP_SYN_SENT)
        return CONNECTION_NOTHING;
    return info.tcpi_state == TCP_ESTABLISHED && begin_tls(c) ? CONNECTION_READY : CONNECTION_LOST;
}

static enum connection_event shake_hands(struct connection *c)
{
    ERR_clear_error();
    int result = SSL_do_handshake(c->ssl);
    if (result == 1) {
        c->state = CONNECTION_OPEN;
        return CONNECTION_READY;
    }
    int error = SSL_get_error(c->ssl, result);
    bool waits = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
    return waits ? CONNECTION_NOTHING : CONNECTION_LOST;
}

bool connection_is_resumed(const struct connection *c)
{
    return SSL_session_reused(c->ssl) == 1;
}

/* --- asking ----------------------------------------------------------------------------------- */

bool connection_ask(struct connection *c)
{
    c->is_answered = false;
    ERR_clear_error();
    return SSL_write(c->ssl, c->plan->request, (int)c->plan->request_len) ==
           (int)c->plan->request_len;
}

static enum connection_event on_nothing_more(struct connection *c, int error)
{
    if (error == SSL_ERROR_WANT_READ)
        return c->is_answered && !c->plan->closes ? CONNECTION_ANSWERED : CONNECTION_NOTHING;
    return c->is_answered && c->plan->closes ? CONNECTION_ANSWERED : CONNECTION_LOST;
}

static enum connection_event read_answer(struct connection *c)
{
    for (;;) {
        ERR_clear_error();
        int n = SSL_read(c->ssl, received, sizeof(received));
        if (n <= 0)
            return on_nothing_more(c, SSL_get_error(c->ssl, n));
        if (llhttp_execute(&c->parser, received, (size_t)n) != HPE_OK)
            return CONNECTION_LOST;
    }
}

/* --- the rest --------------------------------------------------------------------------------- */

static enum connection_event look_at_rest(const struct connection *c)
{
    ssize_t n = recv(c->fd, received, sizeof(received), 0);
    return n > 0 || (n < 0 && errno == EAGAIN) ? CONNECTION_NOTHING : CONNECTION_LOST;
}

enum connection_event connection_advance(struct connection *c)
{
    enum connection_event event = CONNECTION_NOTHING;
    switch (c->state) {
    case CONNECTION_CLOSED:
        break;
    case CONNECTION_CONNECTING:
        event = on_connect(c);
        return event == CONNECTION_READY ? shake_hands(c) : event;
    case CONNECTION_SHAKING_HANDS:
        return shake_hands(c);
    case CONNECTION_OPEN:
        return read_answer(c);
    case CONNECTION_AT_REST:
        return look_at_rest(c);
    }
    return event;
}

void connection_rest(struct connection *c)
{
    SSL_free(c->ssl);
    c->ssl = NULL;
    c->state = CONNECTION_AT_REST;
}

void connection_close(struct connection *c)
{
    if (c->ssl)
        SSL_shutdown(c->ssl); /* a quiet one; otherwise OpenSSL takes the ticket for a bad one */
    SSL_free(c->ssl);
    c->ssl = NULL;
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->state = CONNECTION_CLOSED;
}

void connection_fini(struct connection *c)
{
    connection_close(c);
    SSL_SESSION_free(c->session);
    c->session = NULL;
}
