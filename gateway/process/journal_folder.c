#include "process/journal_folder.h"

#include "common/clock.h"
#include "common/log.h"
#include "store/submission_replay.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PARENT_MODE 0755
#define FOLDER_MODE 0700

static bool has_submissions(const struct config *config)
{
    for (size_t i = 0; i < config->route_count; i++)
        if (config->routes[i].submission)
            return true;
    return false;
}

static int make_parents(const char *path, struct err *e)
{
    char part[PATH_MAX];
    if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part))
        return err_set(e, ERR_INVALID, "store.journal is too long a path");
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(part, PARENT_MODE) < 0 && errno != EEXIST)
            return err_system(e, "cannot make the folder %s of store.journal", part);
        *slash = '/';
    }
    return 0;
}

/* A folder that is new has to be there after a power cut, or what is in it is not. */
static int sync_parent(const char *path, struct err *e)
{
    char parent[PATH_MAX];
    snprintf(parent, sizeof(parent), "%s", path);
    char *slash = strrchr(parent, '/');
    if (slash)
        slash[slash == parent] = '\0';
    int fd = open(slash ? parent : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_system(e, "cannot open the folder of store.journal, %s", parent);
    int rc = fsync(fd);
    close(fd);
    return rc == 0 ? 0 : err_system(e, "cannot write the folder of store.journal, %s", parent);
}

int journal_folder_prepare(const struct config *config, const struct privileges *privileges,
                           struct err *e)
{
    const char *path = config->store.journal_dir;
    if (!has_submissions(config))
        return 0;
    int status = make_parents(path, e);
    if (status < 0)
        return status;
    if (mkdir(path, FOLDER_MODE) < 0) {
        if (errno == EEXIST)
            return 0;
        return err_system(e, "cannot make the folder %s of store.journal", path);
    }
    if (geteuid() == 0 && chown(path, privileges->uid, privileges->gid) < 0)
        return err_system(e, "cannot give %s to the user of the workers", path);
    return sync_parent(path, e);
}

int journal_folder_replay(const struct config *config, struct store_region *region, struct err *e)
{
    struct submission_replay result;
    struct store_node *node = store_region_node(region);
    if (atomic_load(&node->submissions_known))
        return 0;
    const char *path = config->store.journal_dir;
    int status = submission_replay_run(path, store_region_table(region, STORE_SUBMISSIONS),
                                       node->table_key, clock_wall_ms(), &result, e);
    if (status < 0)
        return status;
    atomic_store(&node->submissions_known, 1);
    if (result.segments)
        log_write(LOG_INFO,
                  "store: %llu records of submissions read back from %s (%llu entries in %llu "
                  "files, %llu torn)",
                  (unsigned long long)result.records, path, (unsigned long long)result.entries,
                  (unsigned long long)result.segments, (unsigned long long)result.torn);
    return 0;
}
