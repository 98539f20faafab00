#include "process/control.h"

#include "common/buf.h"
#include "common/clock.h"
#include "common/mem.h"
#include "process/runtime_dir.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANSWER_BYTES_MAX (4 * 1024 * 1024)
#define MODE_MASK 0177 /* 0600 */

enum client_state {
    CLIENT_FREE,
    CLIENT_COMMAND, /* has not said yet what it wants */
    CLIENT_WAITING, /* for an event of the gateway's */
    CLIENT_ANSWER,  /* is being answered */
};

struct control_client {
    enum client_state state;
    int fd;          /* owned */
    uint64_t event;  /* WAITING */
    uint64_t due_ms; /* COMMAND, ANSWER */
    struct buf answer;
    char verdict; /* ANSWER: how the last packet begins */
};

struct control {
    int fd; /* owned */
    struct sockaddr_un address;
    control_command_fn on_command;
    void *user; /* borrowed */
    struct control_client clients[CONTROL_CLIENTS_MAX];
};

static int open_socket(struct control *c, const char *runtime_dir, struct err *e)
{
    int status = runtime_dir_control_address(runtime_dir, &c->address, e);
    if (status < 0)
        return status;
    c->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        return err_system(e, "cannot make the control socket");
    unlink(c->address.sun_path);
    mode_t before = umask(MODE_MASK);
    status = bind(c->fd, (const struct sockaddr *)&c->address, sizeof(c->address));
    umask(before);
    if (status < 0 || listen(c->fd, CONTROL_CLIENTS_MAX) < 0)
        return err_system(e, "cannot make the control socket %s", c->address.sun_path);
    return 0;
}

struct control *control_open(const char *runtime_dir, control_command_fn on_command, void *user,
                             struct err *e)
{
    struct control *c = mem_new(sizeof(*c));
    c->fd = -1;
    c->on_command = on_command;
    c->user = user;
    if (open_socket(c, runtime_dir, e) < 0)
        control_close(&c);
    return c;
}

static void release(struct control_client *client)
{
    close(client->fd);
    buf_fini(&client->answer);
    *client = (struct control_client){ .state = CLIENT_FREE };
}

void control_close(struct control **c)
{
    if (!*c)
        return;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if ((*c)->clients[i].state != CLIENT_FREE)
            release(&(*c)->clients[i]);
    if ((*c)->fd >= 0) {
        unlink((*c)->address.sun_path);
        close((*c)->fd);
    }
    mem_free(*c);
    *c = NULL;
}

static struct control_client *free_client(struct control *c)
{
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (c->clients[i].state == CLIENT_FREE)
            return &c->clients[i];
    return NULL;
}

static void accept_client(struct control *c, uint64_t now_ms)
{
    struct control_client *client = free_client(c);
    int fd = client ? accept4(c->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC) : -1;
    if (fd < 0)
        return;
    client->state = CLIENT_COMMAND;
    client->fd = fd;
    client->due_ms = now_ms + CONTROL_PATIENCE_MS;
}

/* The next packet of the answer; false when it cannot be sent now. */
static bool send_packet(struct control_client *client)
{
    char packet[CONTROL_PACKET_BYTES];
    size_t len = MIN(client->answer.len, sizeof(packet) - 1);
    packet[0] = len < client->answer.len ? CONTROL_MORE : client->verdict;
    if (len > 0)
        memcpy(packet + 1, client->answer.data, len);
    if (send(client->fd, packet, len + 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
        if (errno != EAGAIN && errno != EINTR)
            release(client);
        return false;
    }
    buf_consume(&client->answer, len);
    if (packet[0] != CONTROL_MORE)
        release(client);
    return true;
}

static void send_answer(struct control_client *client)
{
    bool sent = true;
    while (sent && client->state == CLIENT_ANSWER)
        sent = send_packet(client);
}

void control_answer(struct control_client *client, bool done, struct slice text)
{
    client->state = CLIENT_ANSWER;
    client->due_ms = clock_now_ms() + CONTROL_PATIENCE_MS;
    client->verdict = done ? CONTROL_DONE : CONTROL_FAILED;
    buf_init(&client->answer, ANSWER_BYTES_MAX);
    buf_append_slice(&client->answer, text);
    send_answer(client);
}

void control_wait(struct control_client *client, uint64_t event)
{
    client->state = CLIENT_WAITING;
    client->event = event;
}

void control_answer_waiting(struct control *c, uint64_t event, bool done, struct slice text)
{
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (c->clients[i].state == CLIENT_WAITING && c->clients[i].event == event)
            control_answer(&c->clients[i], done, text);
}

static void read_command(struct control *c, struct control_client *client)
{
    char command[CONTROL_COMMAND_BYTES];
    ssize_t got = recv(client->fd, command, sizeof(command), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0)
        release(client);
    else
        c->on_command(c->user, client, slice_of(command, (size_t)got));
}

static void run_client(struct control *c, struct control_client *client, short events)
{
    switch (client->state) {
    case CLIENT_COMMAND:
        read_command(c, client);
        break;
    case CLIENT_WAITING:
        /* It has nothing more to say: it went away. */
        if (events & (POLLIN | POLLHUP | POLLERR))
            release(client);
        break;
    case CLIENT_ANSWER:
        send_answer(client);
        break;
    case CLIENT_FREE:
        break;
    }
}

size_t control_watch(const struct control *c, struct pollfd *out)
{
    size_t count = 0;
    bool has_room = false;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        const struct control_client *client = &c->clients[i];
        if (client->state == CLIENT_FREE)
            has_room = true;
        else
            out[count++] = (struct pollfd){
                .fd = client->fd,
                .events = client->state == CLIENT_ANSWER ? POLLOUT : POLLIN,
            };
    }
    if (has_room)
        out[count++] = (struct pollfd){ .fd = c->fd, .events = POLLIN };
    return count;
}

static struct control_client *client_of(struct control *c, int fd)
{
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (c->clients[i].state != CLIENT_FREE && c->clients[i].fd == fd)
            return &c->clients[i];
    return NULL;
}

static bool is_impatient(const struct control_client *client)
{
    return client->state == CLIENT_COMMAND || client->state == CLIENT_ANSWER;
}

void control_run(struct control *c, const struct pollfd *polled, size_t count, uint64_t now_ms)
{
    for (size_t i = 0; i < count; i++) {
        if (polled[i].revents == 0 || polled[i].fd == c->fd)
            continue;
        struct control_client *client = client_of(c, polled[i].fd);
        if (client)
            run_client(c, client, polled[i].revents);
    }
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (is_impatient(&c->clients[i]) && c->clients[i].due_ms <= now_ms)
            release(&c->clients[i]);
    if (count > 0 && polled[count - 1].fd == c->fd && polled[count - 1].revents)
        accept_client(c, now_ms);
}

uint64_t control_due_ms(const struct control *c)
{
    uint64_t due_ms = UINT64_MAX;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (is_impatient(&c->clients[i]))
            due_ms = MIN(due_ms, c->clients[i].due_ms);
    return due_ms;
}
