#include "process/control_client.h"

#include "common/buf.h"
#include "process/control.h"
#include "process/runtime_dir.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_BYTES_MAX (16 * 1024 * 1024)

static int explain(const char *runtime_dir, struct err *e)
{
    if (errno == ENOENT || errno == ECONNREFUSED)
        return err_set(e, ERR_SYSTEM,
                       "no gateway is running in %s (say where with -c FILE or --runtime-dir DIR)",
                       runtime_dir);
    if (errno == EACCES)
        return err_set(e, ERR_SYSTEM, "only root or the gateway's own user may control it (%s)",
                       runtime_dir);
    return err_system(e, "cannot reach the gateway in %s", runtime_dir);
}

static int connect_to(const char *runtime_dir, struct err *e)
{
    struct sockaddr_un address;
    int status = runtime_dir_control_address(runtime_dir, &address, e);
    if (status < 0)
        return status;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_system(e, "cannot make a socket");
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    status = explain(runtime_dir, e);
    close(fd);
    return status;
}

/* The first character of the last packet, or a negative error when it never came. */
static int read_answer(int fd, struct buf *text, struct err *e)
{
    char packet[CONTROL_PACKET_BYTES];
    for (;;) {
        ssize_t got = recv(fd, packet, sizeof(packet), 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return err_set(e, ERR_SYSTEM, "the gateway went away without an answer");
        buf_append(text, packet + 1, (size_t)got - 1);
        if (packet[0] != CONTROL_MORE)
            return packet[0];
    }
}

static int ask(const char *runtime_dir, const char *command, struct buf *text, struct err *e)
{
    int fd = connect_to(runtime_dir, e);
    if (fd < 0)
        return fd;
    int verdict = send(fd, command, strlen(command), MSG_NOSIGNAL) < 0
                      ? err_system(e, "cannot send the command")
                      : read_answer(fd, text, e);
    close(fd);
    return verdict;
}

int control_client_run(const char *runtime_dir, const char *command)
{
    struct err e;
    struct buf text;
    buf_init(&text, ANSWER_BYTES_MAX);
    int verdict = ask(runtime_dir, command, &text, &e);
    if (verdict < 0)
        fprintf(stderr, "cong: %s\n", e.text);
    else
        fprintf(verdict == CONTROL_DONE ? stdout : stderr, "%.*s", SLICE_ARG(buf_slice(&text)));
    buf_fini(&text);
    return verdict == CONTROL_DONE ? 0 : 1;
}
