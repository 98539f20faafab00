#include "process/socket_memory.h"

#include "common/slice.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int open_file(const char *root, const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s%s", root, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* From the start, cut to fit; empty when it cannot be read. */
static struct slice read_again(int fd, char *text, size_t size)
{
    ssize_t len = fd < 0 ? 0 : pread(fd, text, size - 1, 0);
    text[len > 0 ? len : 0] = '\0';
    return slice_of(text, len > 0 ? (size_t)len : 0);
}

/* The number behind `name` in the line that begins with `line`. False: there is none. */
static bool find_number(struct slice text, const char *line, const char *name, uint64_t *number)
{
    while (text.len > 0) {
        struct slice row = slice_of(text.data, slice_find(text, '\n'));
        text = slice_from(text, MIN(row.len + 1, text.len));
        if (!slice_starts_with(row, slice_str(line)))
            continue;
        const char *at = strstr(row.data, name);
        if (!at || at >= row.data + row.len)
            return false;
        *number = strtoull(at + strlen(name), NULL, 10);
        return true;
    }
    return false;
}

/* The group's own, or that of the root, which is all that a container may see. The machine's root
 * has no limit, and counts no sockets. */
static int open_group(const char *root, struct slice group)
{
    char path[PATH_MAX];
    for (;;) {
        snprintf(path, sizeof(path), "/sys/fs/cgroup%.*s/memory.max", SLICE_ARG(group));
        int limit = open_file(root, path);
        if (limit >= 0) {
            close(limit);
            snprintf(path, sizeof(path), "/sys/fs/cgroup%.*s/memory.stat", SLICE_ARG(group));
            return open_file(root, path);
        }
        if (group.len == 0)
            return -1;
        group.len = 0;
    }
}

static int find_group(const char *root)
{
    char text[4096];
    int list = open_file(root, "/proc/self/cgroup");
    struct slice rest = read_again(list, text, sizeof(text));
    if (list >= 0)
        close(list);
    while (rest.len > 0) {
        struct slice row = slice_of(rest.data, slice_find(rest, '\n'));
        if (slice_starts_with(row, SLICE("0::")))
            return open_group(root, slice_from(row, strlen("0::")));
        rest = slice_from(rest, MIN(row.len + 1, rest.len));
    }
    return -1;
}

/* The largest of three, in pages: low mark, pressure, limit. */
static uint64_t read_limit(const char *root, uint64_t page_bytes)
{
    char text[128];
    int fd = open_file(root, "/proc/sys/net/ipv4/tcp_mem");
    read_again(fd, text, sizeof(text));
    if (fd >= 0)
        close(fd);
    char *at = text;
    strtoull(at, &at, 10);
    strtoull(at, &at, 10);
    return strtoull(at, &at, 10) * page_bytes;
}

void socket_memory_open(struct socket_memory *m, const char *root)
{
    m->page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    m->sockstat = open_file(root, "/proc/net/sockstat");
    m->group = find_group(root);
    m->limit_bytes = read_limit(root, m->page_bytes);
}

void socket_memory_close(struct socket_memory *m)
{
    if (m->sockstat >= 0)
        close(m->sockstat);
    if (m->group >= 0)
        close(m->group);
}

uint64_t socket_memory_machine(const struct socket_memory *m)
{
    char text[1024];
    uint64_t pages = 0;
    find_number(read_again(m->sockstat, text, sizeof(text)), "TCP:", " mem ", &pages);
    return pages * m->page_bytes;
}

uint64_t socket_memory_own(const struct socket_memory *m)
{
    char text[1024]; /* it is one of the first of many lines */
    uint64_t bytes = 0;
    if (find_number(read_again(m->group, text, sizeof(text)), "sock ", "sock ", &bytes))
        return bytes;
    return socket_memory_machine(m);
}
