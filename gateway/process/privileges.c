#include "process/privileges.h"

#include "common/log.h"
#include "common/slice.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

int privileges_find(struct privileges *p, const char *user, struct err *e)
{
    *p = (struct privileges){ .uid = geteuid(), .gid = getegid() };
    if (geteuid() != 0) {
        if (user)
            log_write(LOG_WARN, "user: only root can become %s; staying who we are", user);
        return 0;
    }
    if (!user) {
        log_write(LOG_WARN, "workers run as root: set user to an unprivileged one");
        return 0;
    }
    errno = 0;
    const struct passwd *entry = getpwnam(user);
    if (!entry)
        return err_set(e, ERR_INVALID, "user: there is no user \"%s\" on this machine", user);
    *p = (struct privileges){ .uid = entry->pw_uid, .gid = entry->pw_gid };
    return 0;
}

static int become(const struct privileges *p, struct err *e)
{
    if (setgroups(1, &p->gid) < 0 || setresgid(p->gid, p->gid, p->gid) < 0 ||
        setresuid(p->uid, p->uid, p->uid) < 0)
        return err_system(e, "cannot become user %u, group %u", p->uid, p->gid);
    if (setuid(0) == 0)
        return err_set(e, ERR_SYSTEM, "root could be had back after becoming user %u", p->uid);
    return 0;
}

int privileges_drop(const struct privileges *p, struct err *e)
{
    if (geteuid() == 0 && p->uid != 0) {
        int status = become(p, e);
        if (status < 0)
            return status;
    }
    /* Changing the user clears the parent-death signal, so it is set last. */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return err_system(e, "cannot give up privileges");
    return 0;
}

void privileges_format(const struct privileges *p, char out[PRIVILEGES_TEXT_BYTES])
{
    snprintf(out, PRIVILEGES_TEXT_BYTES, "%u:%u", p->uid, p->gid);
}

int privileges_parse(struct privileges *p, const char *text)
{
    struct slice s = slice_str(text);
    size_t colon = slice_find(s, ':');
    uint64_t uid, gid;
    if (colon == s.len || !slice_to_u64(slice_of(s.data, colon), &uid) ||
        !slice_to_u64(slice_from(s, colon + 1), &gid) || uid >= UINT32_MAX || gid >= UINT32_MAX)
        return ERR_INVALID;
    *p = (struct privileges){ .uid = (uid_t)uid, .gid = (gid_t)gid };
    return 0;
}
