#include "bench/run/http_get.h"

#include "common/clock.h"
#include "common/err.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static bool wait_until(int fd, short events, uint64_t deadline_ms)
{
    struct pollfd poll_fd = { .fd = fd, .events = events };
    uint64_t now_ms = clock_now_ms();
    return now_ms < deadline_ms && poll(&poll_fd, 1, (int)(deadline_ms - now_ms)) == 1;
}

static bool send_request(int fd, const struct sockaddr_in *server, const char *method,
                         const char *path, uint64_t deadline_ms)
{
    char request[256];
    int len =
        snprintf(request, sizeof(request),
                 "%s %s HTTP/1.0\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", method, path);
    if (connect(fd, (const struct sockaddr *)server, sizeof(*server)) != 0 &&
        !wait_until(fd, POLLOUT, deadline_ms))
        return false;
    return send(fd, request, (size_t)len, MSG_NOSIGNAL) == len;
}

/* To the end of the connection. */
static bool read_answer(int fd, uint64_t deadline_ms, struct buf *answer)
{
    char part[16384];
    for (;;) {
        if (!wait_until(fd, POLLIN, deadline_ms))
            return false;
        ssize_t got = recv(fd, part, sizeof(part), 0);
        if (got <= 0)
            return got == 0 && buf_ok(answer);
        buf_append(answer, part, (size_t)got);
    }
}

/* Leaves the body in `answer`. */
static int take_head(struct buf *answer)
{
    static const char version[] = "HTTP/1.1 ";
    buf_append_char(answer, '\0');
    const char *end = strstr(answer->data, "\r\n\r\n");
    if (!end || strncmp(answer->data, version, sizeof(version) - 1) != 0)
        return ERR_INVALID;
    int status = (int)strtol(answer->data + sizeof(version) - 1, NULL, 10);
    buf_consume(answer, (size_t)(end + 4 - answer->data));
    return status;
}

static int ask(const struct sockaddr_in *server, const char *method, const char *path,
               uint32_t timeout_ms, struct buf *body)
{
    uint64_t deadline_ms = clock_now_ms() + timeout_ms;
    buf_clear(body);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return ERR_SYSTEM;
    bool ok =
        send_request(fd, server, method, path, deadline_ms) && read_answer(fd, deadline_ms, body);
    close(fd);
    return ok ? take_head(body) : ERR_SYSTEM;
}

int http_get(const struct sockaddr_in *server, const char *path, uint32_t timeout_ms,
             struct buf *body)
{
    return ask(server, "GET", path, timeout_ms, body);
}

int http_post(const struct sockaddr_in *server, const char *path, uint32_t timeout_ms,
              struct buf *body)
{
    return ask(server, "POST", path, timeout_ms, body);
}
