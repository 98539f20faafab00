/* A real redis-server (Debian's) as a child, in a folder of its own under /tmp, without
 * persistence. It dies with the test. Any failure aborts. */
#ifndef FAKES_REAL_REDIS_H
#define FAKES_REAL_REDIS_H

#include "common/base.h"

#include <sys/types.h>

#define REAL_REDIS_OPTIONS_MAX 16

struct real_redis {
    pid_t pid; /* 0: not running */
    uint16_t port;
    char folder[64];
    const char *options[REAL_REDIS_OPTIONS_MAX]; /* more of its command line, NULL at the end */
    const char *sentinel; /* its configuration, when it is to be a Sentinel */
};

uint16_t real_redis_free_port(void);
/* On a free port; comes back when it accepts connections. Set `options` before. */
void real_redis_start(struct real_redis *r);
/* The same port again, after real_redis_kill(). */
void real_redis_restart(struct real_redis *r);
void real_redis_kill(struct real_redis *r);
void real_redis_signal(struct real_redis *r, int number);
/* Removes the folder, too. */
void real_redis_stop(struct real_redis *r);

#endif
