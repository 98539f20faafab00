#include "bench/run/socket_count.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define ANSWER_BYTES 65536

/* A filter that the kernel runs: port >= p and port <= p. Where a comparison fails it jumps four
 * bytes past the end, which means no. */
struct request {
    struct nlmsghdr header;
    struct inet_diag_req_v2 body;
    struct nlattr attribute;
    struct inet_diag_bc_op at_least, at_least_port, at_most, at_most_port;
};

static int ask(uint16_t port, bool is_local)
{
    struct timeval patience = { .tv_sec = 2 };
    unsigned char at_least = is_local ? INET_DIAG_BC_S_GE : INET_DIAG_BC_D_GE;
    unsigned char at_most = is_local ? INET_DIAG_BC_S_LE : INET_DIAG_BC_D_LE;
    struct request request = {
        .header = { .nlmsg_len = sizeof(request),
                    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
        .body = { .sdiag_family = AF_INET,
                  .sdiag_protocol = IPPROTO_TCP,
                  .idiag_states = 1U << TCP_ESTABLISHED },
        .attribute = { .nla_len = sizeof(struct nlattr) + 4 * sizeof(struct inet_diag_bc_op),
                       .nla_type = INET_DIAG_REQ_BYTECODE },
        .at_least = { .code = at_least, .yes = 8, .no = 20 },
        .at_least_port = { .no = port },
        .at_most = { .code = at_most, .yes = 8, .no = 12 },
        .at_most_port = { .no = port },
    };
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (send(fd, &request, sizeof(request), 0) == (ssize_t)sizeof(request))
        return fd;
    close(fd);
    return -1;
}

uint32_t socket_count(uint16_t port, bool is_local)
{
    _Alignas(struct nlmsghdr) char answer[ANSWER_BYTES];
    uint32_t count = 0;
    bool more = true;
    int fd = ask(port, is_local);
    while (fd >= 0 && more) {
        ssize_t got = recv(fd, answer, sizeof(answer), 0);
        more = got > 0;
        size_t left = more ? (size_t)got : 0;
        struct nlmsghdr *h = (struct nlmsghdr *)answer;
        for (; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
            more = more && h->nlmsg_type == SOCK_DIAG_BY_FAMILY;
            count += h->nlmsg_type == SOCK_DIAG_BY_FAMILY;
        }
    }
    if (fd >= 0)
        close(fd);
    return count;
}
