#include "common/log.h"

#include "common/clock.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct {
    int fd;
    enum log_level level;
    char process[32];
} log_state = { .fd = STDERR_FILENO, .level = LOG_INFO, .process = "cong" };

static const char *const level_names[] = { "error", "warn", "info", "debug" };

void log_set_process(const char *name)
{
    snprintf(log_state.process, sizeof(log_state.process), "%s", name);
}

void log_set_level(enum log_level level)
{
    log_state.level = level;
}

void log_set_fd(int fd)
{
    if (log_state.fd > STDERR_FILENO && log_state.fd != fd)
        close(log_state.fd);
    log_state.fd = fd;
}

/* A peer's bytes may be in the text: control characters would forge lines. */
static void neutralise(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            text[i] = '?';
}

void log_write(enum log_level level, const char *fmt, ...)
{
    if (level > log_state.level)
        return;
    int saved = errno;
    char line[2048];
    char when[CLOCK_ISO_LEN + 1];
    clock_format_iso(when, clock_wall_ms());
    int head = snprintf(line, sizeof(line), "%s %s %s[%d] ", when, level_names[level],
                        log_state.process, (int)getpid());
    va_list args;
    va_start(args, fmt);
    int body = vsnprintf(line + head, sizeof(line) - (size_t)head - 1, fmt, args);
    va_end(args);
    size_t len = (size_t)head + (body > 0 ? (size_t)body : 0);
    len = MIN(len, sizeof(line) - 2);
    neutralise(line, len);
    line[len++] = '\n';
    /* A log that cannot be written must not stop the gateway. */
    if (write(log_state.fd, line, len) < 0)
        errno = saved;
    errno = saved;
}
