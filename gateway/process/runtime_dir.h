/* The folder of one running gateway: its pid file, whose lock says that it runs, and its control
 * socket. */
#ifndef PROCESS_RUNTIME_DIR_H
#define PROCESS_RUNTIME_DIR_H

#include "common/err.h"

#include <sys/un.h>

#define RUNTIME_DIR_DEFAULT "/run/cong"

struct runtime_dir {
    char *path;  /* owned */
    int lock_fd; /* owned; the pid file */
};

/* Makes the folder if there is none, and fails when another gateway runs in it. */
int runtime_dir_open(struct runtime_dir *r, const char *path, struct err *e) MUST_CHECK;
/* Removes the pid file. Accepts one that was never opened, zeroed. */
void runtime_dir_close(struct runtime_dir *r);

/* Where the control socket of `path` is. */
int runtime_dir_control_address(const char *path, struct sockaddr_un *address,
                                struct err *e) MUST_CHECK;

#endif
