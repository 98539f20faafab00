#include "process/maintenance.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "config/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#define FIRST_LINE "cong-maintenance 1\n"
#define FILE_BYTES_MAX (1024 * 1024)
#define FILE_MODE 0600

/* --- what operators have closed ------------------------------------------------------------- */

struct maintenance_item maintenance_item_make(struct slice name, uint64_t since_ms,
                                              uint64_t until_ms, struct slice message)
{
    struct maintenance_item item = {
        .view = { .cause = CLOSURE_OPERATOR, .since_ms = since_ms, .until_ms = until_ms },
    };
    assert(name.len <= MAINTENANCE_NAME_BYTES && message.len <= CLOSURE_MESSAGE_BYTES);
    memcpy(item.name, name.data, name.len);
    if (message.len)
        memcpy(item.view.message, message.data, message.len);
    return item;
}

struct maintenance_item *maintenance_find(const struct maintenance *m, struct slice name)
{
    for (size_t i = 0; i < m->count; i++)
        if (slice_eq(slice_str(m->items[i].name), name))
            return &m->items[i];
    return NULL;
}

/* False: there are too many. */
static bool put(struct maintenance *m, const struct maintenance_item *item)
{
    if (m->count == CONFIG_UPSTREAMS_MAX)
        return false;
    m->items[m->count++] = *item;
    return true;
}

/* --- the file ------------------------------------------------------------------------------- */

static struct slice take_until(struct slice *rest, char end)
{
    size_t at = slice_find(*rest, end);
    struct slice found = slice_of(rest->data, at);
    *rest = slice_from(*rest, MIN(at + 1, rest->len));
    return found;
}

/* "name since until message" */
static bool read_line(struct maintenance *m, struct slice line)
{
    uint64_t since_ms, until_ms;
    struct slice name = take_until(&line, ' ');
    if (name.len == 0 || name.len > MAINTENANCE_NAME_BYTES || maintenance_find(m, name) ||
        !slice_to_u64(take_until(&line, ' '), &since_ms) ||
        !slice_to_u64(take_until(&line, ' '), &until_ms) || line.len > CLOSURE_MESSAGE_BYTES ||
        text_has_control(line))
        return false;
    struct maintenance_item item = maintenance_item_make(name, since_ms, until_ms, line);
    return put(m, &item);
}

static void read_lines(struct maintenance *m, struct slice rest)
{
    struct slice head = SLICE(FIRST_LINE);
    if (!slice_starts_with(rest, head)) {
        log_write(LOG_ERROR, "%s is not what it should be: nothing in it counts", m->path);
        return;
    }
    rest = slice_from(rest, head.len);
    while (rest.len > 0) {
        struct slice line = take_until(&rest, '\n');
        if (!read_line(m, line))
            log_write(LOG_ERROR, "%s: a line is damaged, and left out", m->path);
    }
}

int maintenance_open(struct maintenance *m, const char *runtime_dir, struct err *e)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/maintenance", runtime_dir);
    m->path = mem_strdup(path);
    m->items = mem_new_array(CONFIG_UPSTREAMS_MAX, sizeof(*m->items));
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? 0 : err_system(e, "cannot read %s", path);
    char *text = mem_new(FILE_BYTES_MAX);
    ssize_t len = read(fd, text, FILE_BYTES_MAX);
    if (len >= 0)
        read_lines(m, slice_of(text, (size_t)len));
    int status = len < 0 ? err_system(e, "cannot read %s", path) : 0;
    mem_free(text);
    close(fd);
    return status;
}

void maintenance_fini(struct maintenance *m)
{
    mem_free(m->path);
    mem_free(m->items);
    *m = (struct maintenance){ 0 };
}

static void write_items(const struct maintenance *m, struct buf *out)
{
    buf_append_str(out, FIRST_LINE);
    for (size_t i = 0; i < m->count; i++)
        buf_printf(out, "%s %llu %llu %s\n", m->items[i].name,
                   (unsigned long long)m->items[i].view.since_ms,
                   (unsigned long long)m->items[i].view.until_ms, m->items[i].view.message);
}

static int write_file(const char *path, struct slice text, struct err *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (fd < 0)
        return err_system(e, "cannot write %s", path);
    bool ok = write(fd, text.data, text.len) == (ssize_t)text.len && fsync(fd) == 0;
    int status = ok ? 0 : err_system(e, "cannot write %s", path);
    close(fd);
    return status;
}

/* The new file takes the place of the old one as a whole: whoever dies in between leaves one of
 * them. */
static int save(const struct maintenance *m, struct err *e)
{
    char path[PATH_MAX];
    struct buf text;
    snprintf(path, sizeof(path), "%s.new", m->path);
    buf_init(&text, FILE_BYTES_MAX);
    write_items(m, &text);
    int status = write_file(path, buf_slice(&text), e);
    buf_fini(&text);
    if (status == 0 && rename(path, m->path) < 0)
        status = err_system(e, "cannot write %s", m->path);
    return status;
}

int maintenance_put(struct maintenance *m, const struct maintenance_item *item, struct err *e)
{
    struct maintenance_item *place = maintenance_find(m, slice_str(item->name));
    struct maintenance_item before = place ? *place : (struct maintenance_item){ 0 };
    if (!place && !put(m, item))
        return err_set(e, ERR_LIMIT, "too many upstreams are closed");
    if (place)
        *place = *item;
    int status = save(m, e);
    if (status < 0 && place)
        *place = before;
    else if (status < 0)
        m->count--;
    return status;
}

int maintenance_remove(struct maintenance *m, struct maintenance_item *item, struct err *e)
{
    struct maintenance_item before = *item;
    *item = m->items[--m->count];
    int status = save(m, e);
    if (status < 0)
        m->items[m->count++] = before;
    return status;
}

/* --- the board ------------------------------------------------------------------------------ */

static struct closure *closure_of(struct board *board, const struct config_upstream *u)
{
    return board_closure(board, board_find(board, SERIES_UPSTREAM, slice_str(u->name)));
}

static void close_by_configuration(struct closure *c, const struct config_maintenance *m)
{
    struct closure_view now, view = { .cause = CLOSURE_CONFIGURATION, .until_ms = m->until_ms };
    bool goes_on = closure_read(c, &now) && now.cause == CLOSURE_CONFIGURATION;
    view.since_ms = goes_on ? now.since_ms : clock_wall_ms();
    if (m->message.len)
        memcpy(view.message, m->message.data, MIN(m->message.len, CLOSURE_MESSAGE_BYTES));
    closure_set(c, &view);
}

void maintenance_apply(const struct maintenance *m, const struct config *config,
                       struct board *board)
{
    for (size_t i = 0; i < config->upstream_count; i++) {
        const struct config_upstream *u = &config->upstreams[i];
        const struct maintenance_item *item = maintenance_find(m, slice_str(u->name));
        struct closure *c = closure_of(board, u);
        if (!c)
            continue;
        if (item)
            closure_set(c, &item->view);
        else if (u->maintenance)
            close_by_configuration(c, u->maintenance);
        else
            closure_clear(c);
    }
}
