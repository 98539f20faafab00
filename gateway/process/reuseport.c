#include "process/reuseport.h"

#include <errno.h>
#include <linux/filter.h>
#include <sys/socket.h>

#define PROGRAM_MAX (2 * CONFIG_WORKERS_MAX + 3)

void reuseport_add(struct reuseport *group, int fd, uint32_t slot)
{
    assert(group->count < CONFIG_WORKERS_MAX);
    group->sockets[group->count].fd = fd;
    group->sockets[group->count].slot = slot;
    group->count++;
}

void reuseport_remove(struct reuseport *group, uint32_t slot)
{
    for (uint32_t i = 0; i < group->count; i++) {
        if (group->sockets[i].slot != slot)
            continue;
        group->count--;
        group->sockets[i] = group->sockets[group->count];
        return;
    }
}

/* "A random number modulo all weights; what is below the sum of the first k weights, and of no
 * fewer, returns the k-th index." */
static uint16_t write_program(struct sock_filter *out, const uint32_t *weights, uint32_t count)
{
    struct sock_filter *at = out;
    uint32_t all = 0, below = 0, last = 0;
    for (uint32_t i = 0; i < count; i++) {
        all += weights[i];
        last = weights[i] > 0 ? i : last;
    }
    *at++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                         (uint32_t)(SKF_AD_OFF + SKF_AD_RANDOM));
    *at++ = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, all);
    for (uint32_t i = 0; i < last; i++) {
        below += weights[i];
        if (weights[i] == 0)
            continue;
        *at++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, below, 1, 0);
        *at++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, i);
    }
    *at++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, last);
    return (uint16_t)(at - out);
}

static int attach(struct reuseport *group, const uint32_t *weights, struct err *e)
{
    struct sock_filter filter[PROGRAM_MAX];
    struct sock_fprog program = { .len = write_program(filter, weights, group->count),
                                  .filter = filter };
    if (setsockopt(group->sockets[0].fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program,
                   sizeof(program)) < 0)
        return err_system(e, "cannot share new connections out among the workers");
    group->steered = true;
    return 0;
}

static int detach(struct reuseport *group, struct err *e)
{
    int unused = 0;
    if (!group->steered)
        return 0;
    if (setsockopt(group->sockets[0].fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &unused,
                   sizeof(unused)) < 0 &&
        errno != ENOENT)
        return err_system(e, "cannot spread connections over all workers again");
    group->steered = false;
    return 0;
}

int reuseport_steer(struct reuseport *group, const uint32_t weights[CONFIG_WORKERS_MAX],
                    struct err *e)
{
    uint32_t of_socket[CONFIG_WORKERS_MAX];
    bool same = true;
    for (uint32_t i = 0; i < group->count; i++) {
        of_socket[i] = weights[group->sockets[i].slot];
        assert(of_socket[i] <= REUSEPORT_WEIGHT_MAX);
        same = same && of_socket[i] == of_socket[0];
    }
    return same ? detach(group, e) : attach(group, of_socket, e);
}
