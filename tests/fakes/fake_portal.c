#include "tests/fakes/fake_portal.h"

#include "bench/node/node_digest.h"
#include "common/mem.h"
#include "common/slice.h"
#include "tests/fakes/fake_pki.h"

#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD_BYTES 8192
#define BODY_BYTES (1 << 20)

struct fake_portal {
    enum fake_portal_fault fault;
    uint32_t every;
    int listener;
    uint16_t port;
    SSL_CTX *context;
    struct fake_certificate certificate;
    char ca_path[64];
    pthread_t accepting;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t left;
    uint32_t open;
    uint32_t enough, *flag; /* borrowed */
    struct fake_portal_seen seen;
};

struct visit {
    struct fake_portal *portal;
    SSL *ssl;
    int fd;
    char head[HEAD_BYTES];
    char *body;
    size_t body_len;
};

static void must(bool is_good)
{
    if (!is_good)
        abort();
}

/* --- one request ------------------------------------------------------------------------------ */

static bool read_head(struct visit *v)
{
    size_t len = 0;
    while (len < HEAD_BYTES - 1) {
        if (SSL_read(v->ssl, v->head + len, 1) != 1)
            return false;
        v->head[++len] = '\0';
        if (len >= 4 && memcmp(v->head + len - 4, "\r\n\r\n", 4) == 0)
            return true;
    }
    abort();
}

static bool read_body(struct visit *v)
{
    const char *length = strstr(v->head, "\ncontent-length: ");
    size_t wanted = length ? strtoul(length + 17, NULL, 10) : 0;
    must(wanted <= BODY_BYTES);
    for (v->body_len = 0; v->body_len < wanted;) {
        int n = SSL_read(v->ssl, v->body + v->body_len, (int)(wanted - v->body_len));
        if (n <= 0)
            return false;
        v->body_len += (size_t)n;
    }
    return true;
}

static bool asks_for(const struct visit *v, const char *path)
{
    const char *target = strchr(v->head, ' ');
    return strncmp(target + 1, path, strlen(path)) == 0;
}

static void send_text(struct visit *v, const char *text)
{
    SSL_write(v->ssl, text, (int)strlen(text));
}

static void hash(struct node_digest *digest, const char *data, size_t len, bool lies)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_DigestInit_ex(context, EVP_sha256(), NULL);
    EVP_DigestUpdate(context, data, len);
    EVP_DigestUpdate(context, "!", lies);
    node_digest_finish(digest, context);
    EVP_MD_CTX_free(context);
}

static void answer_page(struct visit *v, const char *more, bool lies)
{
    char text[512];
    struct node_digest digest;
    hash(&digest, "hello", 5, lies);
    if (asks_for(v, "/hop-thu"))
        snprintf(text, sizeof(text),
                 "HTTP/1.1 200 OK\r\n%sX-SHA256: %s\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "5\r\nhello\r\n0\r\n\r\n",
                 more, digest.hex);
    else
        snprintf(text, sizeof(text),
                 "HTTP/1.1 200 OK\r\n%sX-SHA256: %s\r\n%sContent-Length: 5\r\n\r\nhello", more,
                 digest.hex, asks_for(v, "/dang-nhap") ? "Set-Cookie: phien=1; Path=/\r\n" : "");
    send_text(v, text);
}

static void answer_receipt(struct visit *v, const char *more, bool lies)
{
    char text[512];
    struct node_digest digest;
    struct fake_portal *p = v->portal;
    pthread_mutex_lock(&p->lock);
    uint32_t receipt = p->seen.stored += asks_for(v, "/dossiers");
    pthread_mutex_unlock(&p->lock);
    hash(&digest, v->body, v->body_len, lies);
    snprintf(text, sizeof(text),
             "HTTP/1.1 %s\r\n%sX-Receipt: RECEIPT-%u\r\nContent-Length: 77\r\n\r\n"
             "{\"sha256\":\"%s\"}",
             asks_for(v, "/upload") ? "200 OK" : "201 Created", more, receipt, digest.hex);
    send_text(v, text);
}

static void answer(struct visit *v, const char *more, bool lies)
{
    if (asks_for(v, "/dossiers") || asks_for(v, "/upload"))
        answer_receipt(v, more, lies);
    else
        answer_page(v, more, lies);
}

/* False: the connection is over. */
static bool misbehave(struct visit *v)
{
    const struct linger at_once = { .l_onoff = 1 };
    char nothing;
    switch (v->portal->fault) {
    case FAKE_PORTAL_RESETS:
        setsockopt(v->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
        return false;
    case FAKE_PORTAL_CUTS:
        send_text(v, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        return false;
    case FAKE_PORTAL_BABBLES:
        send_text(v, "What a lovely day!\r\n\r\n");
        return false;
    case FAKE_PORTAL_IS_BUSY:
        send_text(v, "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy");
        return true;
    case FAKE_PORTAL_HAS_NOTHING:
        send_text(v, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone");
        return true;
    case FAKE_PORTAL_LIES:
        answer(v, "", true);
        return true;
    case FAKE_PORTAL_IS_SILENT:
        SSL_read(v->ssl, &nothing, 1);
        return false;
    case FAKE_PORTAL_SAYS_CLOSE:
        answer(v, "Connection: close\r\n", false);
        return false;
    case FAKE_PORTAL_LEAVES:
        answer(v, "", false);
        return false;
    default:
        return false;
    }
}

/* Returns the request's number. */
static uint32_t count(struct visit *v)
{
    struct fake_portal *p = v->portal;
    pthread_mutex_lock(&p->lock);
    uint32_t number = ++p->seen.requests;
    if (number == p->enough)
        __atomic_store_n(p->flag, 1, __ATOMIC_RELAXED);
    p->seen.with_cookie += strstr(v->head, "\ncookie: phien=1\r\n") != NULL;
    pthread_mutex_unlock(&p->lock);
    return number;
}

static void lose_patience(struct visit *v)
{
    char first;
    if (SSL_read(v->ssl, &first, 1) <= 0)
        return;
    send_text(v, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
    count(v);
}

static bool serve_one(struct visit *v)
{
    struct fake_portal *p = v->portal;
    if (p->fault == FAKE_PORTAL_IS_IMPATIENT) {
        lose_patience(v);
        return false;
    }
    if (!read_head(v) || !read_body(v))
        return false;
    uint32_t number = count(v);
    if (p->every && number % p->every == 0)
        return misbehave(v);
    answer(v, "", false);
    return true;
}

/* --- connections ------------------------------------------------------------------------------ */

static void *run_visit(void *argument)
{
    struct visit *v = argument;
    struct fake_portal *p = v->portal;
    if (SSL_accept(v->ssl) == 1) {
        pthread_mutex_lock(&p->lock);
        p->seen.connections++;
        p->seen.resumed += (uint32_t)SSL_session_reused(v->ssl);
        pthread_mutex_unlock(&p->lock);
        while (serve_one(v))
            continue;
    }
    SSL_free(v->ssl);
    close(v->fd);
    mem_free(v->body);
    mem_free(v);
    pthread_mutex_lock(&p->lock);
    p->open--;
    pthread_cond_signal(&p->left);
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static void *run_accept(void *argument)
{
    struct fake_portal *p = argument;
    for (;;) {
        int fd = accept(p->listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        struct visit *v = mem_new(sizeof(*v));
        *v = (struct visit){ .portal = p, .ssl = SSL_new(p->context), .fd = fd };
        v->body = mem_new(BODY_BYTES);
        SSL_set_fd(v->ssl, fd);
        pthread_mutex_lock(&p->lock);
        p->open++;
        pthread_mutex_unlock(&p->lock);
        pthread_t visiting;
        must(pthread_create(&visiting, NULL, run_visit, v) == 0);
        pthread_detach(visiting);
    }
}

/* --- beginning and end ------------------------------------------------------------------------ */

static void make_context(struct fake_portal *p)
{
    static const unsigned char id[] = "portal";
    fake_certificate_init(&p->certificate, "EC", "DNS:a.vn", NULL);
    p->context = SSL_CTX_new(TLS_server_method());
    must(SSL_CTX_use_certificate(p->context, p->certificate.x509) == 1);
    must(SSL_CTX_use_PrivateKey(p->context, p->certificate.key) == 1);
    SSL_CTX_set_session_id_context(p->context, id, sizeof(id) - 1);
    SSL_CTX_set_options(p->context, SSL_OP_IGNORE_UNEXPECTED_EOF);
}

static void write_ca(struct fake_portal *p)
{
    snprintf(p->ca_path, sizeof(p->ca_path), "/tmp/fake_portal.XXXXXX");
    int fd = mkstemp(p->ca_path);
    struct slice pem = p->certificate.cert_pem;
    must(fd >= 0 && write(fd, pem.data, pem.len) == (ssize_t)pem.len);
    close(fd);
}

static void listen_somewhere(struct fake_portal *p)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(address);
    p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(bind(p->listener, (struct sockaddr *)&address, sizeof(address)) == 0);
    must(listen(p->listener, 128) == 0);
    must(getsockname(p->listener, (struct sockaddr *)&address, &len) == 0);
    p->port = ntohs(address.sin_port);
}

struct fake_portal *fake_portal_start(enum fake_portal_fault fault, uint32_t every)
{
    struct fake_portal *p = mem_new(sizeof(*p));
    signal(SIGPIPE, SIG_IGN);
    p->fault = fault;
    p->every = every;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->left, NULL);
    make_context(p);
    write_ca(p);
    listen_somewhere(p);
    must(pthread_create(&p->accepting, NULL, run_accept, p) == 0);
    return p;
}

void fake_portal_signal_after(struct fake_portal *p, uint32_t requests, uint32_t *flag)
{
    pthread_mutex_lock(&p->lock);
    p->enough = requests;
    p->flag = flag;
    pthread_mutex_unlock(&p->lock);
}

uint16_t fake_portal_port(const struct fake_portal *p)
{
    return p->port;
}

const char *fake_portal_ca_path(const struct fake_portal *p)
{
    return p->ca_path;
}

struct fake_portal_seen fake_portal_stop(struct fake_portal **portal)
{
    struct fake_portal *p = *portal;
    *portal = NULL;
    shutdown(p->listener, SHUT_RDWR);
    pthread_join(p->accepting, NULL);
    pthread_mutex_lock(&p->lock);
    while (p->open)
        pthread_cond_wait(&p->left, &p->lock);
    pthread_mutex_unlock(&p->lock);
    struct fake_portal_seen seen = p->seen;
    close(p->listener);
    unlink(p->ca_path);
    SSL_CTX_free(p->context);
    fake_certificate_fini(&p->certificate);
    mem_free(p);
    return seen;
}
