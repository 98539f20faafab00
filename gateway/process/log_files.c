#include "process/log_files.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define LOG_MODE 0640

/* Without a reader, opening a pipe by name fails instead of waiting for one (O_NONBLOCK). */
static int open_log(const char *path, struct err *e)
{
    int fd =
        open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, LOG_MODE);
    if (fd < 0)
        return err_system(e, "cannot open the log %s", path);
    return fd;
}

static int duplicate(int fd, struct err *e)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (copy < 0)
        return err_system(e, "cannot duplicate descriptor %d", fd);
    return copy;
}

static int open_access_log(const char *path, struct err *e)
{
    return strcmp(path, "stdout") == 0 ? duplicate(STDOUT_FILENO, e) : open_log(path, e);
}

int log_files_open(struct log_files *l, const struct config *config, struct err *e)
{
    *l = (struct log_files){ .error = -1, .access = -1 };
    l->error = config->log_file ? open_log(config->log_file, e) : duplicate(STDERR_FILENO, e);
    if (l->error < 0)
        return l->error;
    if (!config->access_log_file)
        return 0;
    l->access = open_access_log(config->access_log_file, e);
    if (l->access >= 0)
        return 0;
    log_files_close(l);
    return ERR_SYSTEM;
}

void log_files_close(struct log_files *l)
{
    if (l->error >= 0)
        close(l->error);
    if (l->access >= 0)
        close(l->access);
    *l = (struct log_files){ .error = -1, .access = -1 };
}

void log_files_replace(struct log_files *current, const struct log_files *next)
{
    int own = fcntl(next->error, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (own >= 0)
        log_set_fd(own);
    log_files_close(current);
    *current = *next;
}

void log_files_lend(const struct log_files *l, struct channel_files *files)
{
    files->error_log = l->error;
    files->access_log = l->access;
}
