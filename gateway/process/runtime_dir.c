#include "process/runtime_dir.h"

#include "common/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIR_MODE 0755
#define PID_MODE 0644

static int make_dir(const char *path, struct err *e)
{
    if (mkdir(path, DIR_MODE) == 0) {
        /* The umask is for logs: anybody may see who runs here. */
        if (chmod(path, DIR_MODE) < 0)
            return err_system(e, "runtime_dir: cannot set the mode of %s", path);
        return 0;
    }
    if (errno == EEXIST)
        return 0;
    return err_system(e,
                      "runtime_dir: cannot make the folder %s (make it for this user, or set "
                      "runtime_dir to a place where it may)",
                      path);
}

static void pid_path(const char *path, char out[PATH_MAX])
{
    snprintf(out, PATH_MAX, "%s/cong.pid", path);
}

static int already_running(int fd, const char *path, struct err *e)
{
    char pid[16] = "";
    ssize_t got = pread(fd, pid, sizeof(pid) - 1, 0);
    if (got > 0)
        pid[strcspn(pid, "\n")] = '\0';
    return err_set(e, ERR_INVALID, "runtime_dir: a gateway is already running in %s (pid %s)", path,
                   pid);
}

/* A gateway that is just leaving may have removed the file after we opened it. */
static bool is_still_there(int fd, const char *file)
{
    struct stat opened, named;
    return fstat(fd, &opened) == 0 && stat(file, &named) == 0 && opened.st_ino == named.st_ino &&
           opened.st_dev == named.st_dev;
}

/* The locked pid file, or a negative error. */
static int lock_pid_file(const char *path, struct err *e)
{
    char file[PATH_MAX];
    pid_path(path, file);
    for (;;) {
        int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, PID_MODE);
        if (fd < 0)
            return err_system(e, "runtime_dir: cannot write %s", file);
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
            int status = already_running(fd, path, e);
            close(fd);
            return status;
        }
        if (is_still_there(fd, file))
            return fd;
        close(fd);
    }
}

static int write_pid(int fd, struct err *e)
{
    char text[16];
    int len = snprintf(text, sizeof(text), "%d\n", (int)getpid());
    if (fchmod(fd, PID_MODE) < 0 || ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)len, 0) != len)
        return err_system(e, "runtime_dir: cannot write the pid file");
    return 0;
}

int runtime_dir_open(struct runtime_dir *r, const char *path, struct err *e)
{
    *r = (struct runtime_dir){ 0 };
    int status = make_dir(path, e);
    if (status < 0)
        return status;
    int fd = lock_pid_file(path, e);
    if (fd < 0)
        return fd;
    r->path = mem_strdup(path);
    r->lock_fd = fd;
    status = write_pid(fd, e);
    if (status < 0)
        runtime_dir_close(r);
    return status;
}

void runtime_dir_close(struct runtime_dir *r)
{
    char file[PATH_MAX];
    if (!r->path)
        return;
    pid_path(r->path, file);
    unlink(file);
    close(r->lock_fd);
    mem_free(r->path);
    *r = (struct runtime_dir){ 0 };
}

int runtime_dir_control_address(const char *path, struct sockaddr_un *address, struct err *e)
{
    *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    int len = snprintf(address->sun_path, sizeof(address->sun_path), "%s/control.sock", path);
    if (len < 0 || (size_t)len >= sizeof(address->sun_path))
        return err_set(e, ERR_INVALID, "runtime_dir: %s is too long for a socket's address", path);
    return 0;
}
