#include "bench/run/interrupt.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

int interrupt_open(struct interrupt *i, struct err *e)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    i->raised = false;
    i->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return i->fd < 0 ? err_system(e, "cannot watch for signals") : 0;
}

void interrupt_close(struct interrupt *i)
{
    if (i->fd >= 0)
        close(i->fd);
    i->fd = -1;
}

bool interrupt_wait(struct interrupt *i, uint64_t ms)
{
    struct signalfd_siginfo signal_info;
    struct pollfd poll_fd = { .fd = i->fd, .events = POLLIN };
    if (poll(&poll_fd, 1, (int)ms) > 0)
        while (read(i->fd, &signal_info, sizeof(signal_info)) > 0)
            i->raised = true;
    return i->raised;
}
