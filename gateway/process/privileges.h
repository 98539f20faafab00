/* Who the children run as. The supervisor looks the configured user up; a child drops to it after
 * its exec and before it sees a configuration. */
#ifndef PROCESS_PRIVILEGES_H
#define PROCESS_PRIVILEGES_H

#include "common/err.h"

#include <sys/types.h>

struct privileges {
    uid_t uid;
    gid_t gid;
};

/* `user` may be NULL: stay who we are. Only root can become somebody else. */
int privileges_find(struct privileges *p, const char *user, struct err *e) MUST_CHECK;

/* In a child, for good: no supplementary groups, no way back, nothing gained by executing, and
 * death with the supervisor. */
int privileges_drop(const struct privileges *p, struct err *e) MUST_CHECK;

#define PRIVILEGES_TEXT_BYTES 32
/* "uid:gid", for the command line of a child. */
void privileges_format(const struct privileges *p, char out[PRIVILEGES_TEXT_BYTES]);
int privileges_parse(struct privileges *p, const char *text) MUST_CHECK;

#endif
