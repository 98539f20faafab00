#include "bench/load/client_ledger.h"

#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define GATHERED_BYTES (32 * 1024)

int client_ledger_open(struct client_ledger *l, const char *path, struct err *e)
{
    *l = (struct client_ledger){ .fd = -1 };
    buf_init(&l->lines, GATHERED_BYTES + LEDGER_LINE_MAX);
    if (!path)
        return 0;
    l->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    return l->fd < 0 ? err_system(e, "cannot open the ledger %s", path) : 0;
}

void client_ledger_close(struct client_ledger *l)
{
    client_ledger_flush(l);
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
    buf_fini(&l->lines);
}

void client_ledger_add(struct client_ledger *l, const struct ledger_line *line)
{
    char text[LEDGER_LINE_MAX];
    if (l->fd < 0)
        return;
    buf_append(&l->lines, text, ledger_format(text, line));
    if (l->lines.len >= GATHERED_BYTES)
        client_ledger_flush(l);
}

void client_ledger_flush(struct client_ledger *l)
{
    if (l->lines.len == 0 && buf_ok(&l->lines))
        return;
    ssize_t n = write(l->fd, l->lines.data, l->lines.len);
    if (n != (ssize_t)l->lines.len || !buf_ok(&l->lines)) {
        log_write(LOG_ERROR, "the ledger could not be written: %s",
                  n < 0 ? strerror(errno) : "lines were lost");
        l->failed = true;
    }
    buf_clear(&l->lines);
}
