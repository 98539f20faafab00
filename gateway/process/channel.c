#include "process/channel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FILES_MAX (3 + CONFIG_LISTENERS_MAX)

static_assert(FILES_MAX <= 250, "Linux passes at most 253 descriptors in a message (SCM_MAX_FD)");

/* What goes over the wire: which descriptors follow, then the message. */
struct envelope {
    bool has_bundle, has_access_log, has_error_log;
    uint32_t socket_count;
    struct channel_message message;
};

/* Ancillary data, aligned for its header. */
union ancillary {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(FILES_MAX * sizeof(int))];
};

void channel_files_init(struct channel_files *files)
{
    *files = (struct channel_files){ .bundle = -1, .access_log = -1, .error_log = -1 };
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

void channel_files_close(struct channel_files *files)
{
    close_fd(files->bundle);
    close_fd(files->access_log);
    close_fd(files->error_log);
    for (uint32_t i = 0; i < files->socket_count; i++)
        close_fd(files->sockets[i]);
    channel_files_init(files);
}

int channel_pair(int ends[2], struct err *e)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0)
        return err_system(e, "cannot make a channel");
    return 0;
}

static size_t pack_files(struct envelope *envelope, const struct channel_files *files, int *fds)
{
    size_t count = 0;
    envelope->has_bundle = files->bundle >= 0;
    envelope->has_access_log = files->access_log >= 0;
    envelope->has_error_log = files->error_log >= 0;
    envelope->socket_count = files->socket_count;
    if (envelope->has_bundle)
        fds[count++] = files->bundle;
    if (envelope->has_access_log)
        fds[count++] = files->access_log;
    if (envelope->has_error_log)
        fds[count++] = files->error_log;
    for (uint32_t i = 0; i < files->socket_count; i++)
        fds[count++] = files->sockets[i];
    return count;
}

/* Takes over all of `fds`; false when they are not what the envelope says. */
static bool unpack_files(const struct envelope *envelope, const int *fds, size_t count,
                         struct channel_files *files)
{
    uint32_t sockets = envelope->socket_count;
    if (sockets > CONFIG_LISTENERS_MAX || count != (size_t)envelope->has_bundle +
                                                       envelope->has_access_log +
                                                       envelope->has_error_log + sockets) {
        for (size_t i = 0; i < count; i++)
            close(fds[i]);
        return false;
    }
    if (envelope->has_bundle)
        files->bundle = *fds++;
    if (envelope->has_access_log)
        files->access_log = *fds++;
    if (envelope->has_error_log)
        files->error_log = *fds++;
    files->socket_count = sockets;
    memcpy(files->sockets, fds, sockets * sizeof(int));
    return true;
}

int channel_send(int fd, const struct channel_message *message, const struct channel_files *files,
                 struct err *e)
{
    struct envelope envelope = { .message = *message };
    struct iovec iov = { .iov_base = &envelope, .iov_len = sizeof(envelope) };
    struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };
    union ancillary ancillary = { 0 };
    int fds[FILES_MAX];
    size_t count = files ? pack_files(&envelope, files, fds) : 0;
    if (count > 0) {
        header.msg_control = &ancillary;
        header.msg_controllen = CMSG_SPACE(count * sizeof(int));
        ancillary.header.cmsg_level = SOL_SOCKET;
        ancillary.header.cmsg_type = SCM_RIGHTS;
        ancillary.header.cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(&ancillary.header), fds, count * sizeof(int));
    }
    if (sendmsg(fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        return err_system(e, "cannot send a message");
    return 0;
}

int channel_say(int fd, enum channel_kind kind, uint32_t generation, const char *text,
                struct err *e)
{
    struct channel_message message = { .kind = kind, .generation = generation };
    if (text)
        snprintf(message.text, sizeof(message.text), "%s", text);
    return channel_send(fd, &message, NULL, e);
}

/* Copies the descriptors that arrived to `fds` and returns how many. */
static size_t received_files(struct msghdr *header, int *fds)
{
    struct cmsghdr *control = CMSG_FIRSTHDR(header);
    if (!control || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
        return 0;
    size_t bytes = control->cmsg_len - CMSG_LEN(0);
    memcpy(fds, CMSG_DATA(control), bytes);
    return bytes / sizeof(int);
}

static enum channel_status take_files(struct msghdr *header, const struct envelope *envelope,
                                      struct channel_files *files)
{
    int fds[FILES_MAX] = { 0 };
    size_t count = received_files(header, fds);
    if (header->msg_flags & MSG_CTRUNC) {
        for (size_t i = 0; i < count; i++)
            close(fds[i]);
        return CHANNEL_TRUNCATED;
    }
    return unpack_files(envelope, fds, count, files) ? CHANNEL_MESSAGE : CHANNEL_CLOSED;
}

enum channel_status channel_receive(int fd, struct channel_message *message,
                                    struct channel_files *files)
{
    struct envelope envelope;
    struct iovec iov = { .iov_base = &envelope, .iov_len = sizeof(envelope) };
    union ancillary ancillary;
    struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };
    if (files) {
        channel_files_init(files);
        header.msg_control = &ancillary;
        header.msg_controllen = sizeof(ancillary);
    }
    ssize_t got = recvmsg(fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return CHANNEL_EMPTY;
    if (got != (ssize_t)sizeof(envelope))
        return CHANNEL_CLOSED;
    *message = envelope.message;
    message->text[CHANNEL_TEXT_BYTES - 1] = '\0';
    return files ? take_files(&header, &envelope, files) : CHANNEL_MESSAGE;
}
