#include "bench/run/run_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

static int refuse(int fd, struct err *e)
{
    char holder[32];
    ssize_t len = pread(fd, holder, sizeof(holder) - 1, 0);
    holder[len > 0 ? len : 0] = '\0';
    close(fd);
    return err_set(e, ERR_LIMIT,
                   "another run is under way on this machine (process %s); two at once would "
                   "measure each other",
                   len > 0 ? holder : "unknown");
}

int run_lock_take(struct err *e)
{
    char text[32];
    int fd = open(RUN_LOCK_PATH, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0)
        return err_system(e, "cannot open the run lock " RUN_LOCK_PATH);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return refuse(fd, e);
    int len = snprintf(text, sizeof(text), "%d", (int)getpid());
    /* Only for the sentence above. */
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)len, 0) != len)
        return fd;
    return fd;
}
