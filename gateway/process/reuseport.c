#include "process/reuseport.h"

#include <errno.h>
#include <linux/filter.h>
#include <sys/socket.h>

#define PROGRAM_MAX (2 * CONFIG_WORKERS_MAX + 3)

static_assert(CONFIG_WORKERS_MAX <= 64, "live_slots has one bit a worker");

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

/* "A random number modulo n; its k-th value returns the k-th live index." */
static uint16_t write_program(struct sock_filter *out, const uint32_t *live, uint32_t count)
{
    struct sock_filter *at = out;
    *at++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                         (uint32_t)(SKF_AD_OFF + SKF_AD_RANDOM));
    *at++ = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, count);
    for (uint32_t k = 0; k + 1 < count; k++) {
        *at++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k, 0, 1);
        *at++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, live[k]);
    }
    *at++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, live[count - 1]);
    return (uint16_t)(at - out);
}

static int attach(struct reuseport *group, const uint32_t *live, uint32_t count, struct err *e)
{
    struct sock_filter filter[PROGRAM_MAX];
    struct sock_fprog program = { .len = write_program(filter, live, count), .filter = filter };
    if (setsockopt(group->sockets[0].fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program,
                   sizeof(program)) < 0)
        return err_system(e, "cannot steer connections away from a worker");
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

int reuseport_steer(struct reuseport *group, uint64_t live_slots, struct err *e)
{
    uint32_t live[CONFIG_WORKERS_MAX];
    uint32_t count = 0;
    if (group->count == 0)
        return 0;
    for (uint32_t i = 0; i < group->count; i++)
        if (live_slots >> group->sockets[i].slot & 1)
            live[count++] = i;
    if (count == 0 || count == group->count)
        return detach(group, e);
    return attach(group, live, count, e);
}
