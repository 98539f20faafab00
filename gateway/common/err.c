#include "common/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *e, int code, const char *fmt, ...)
{
    if (e) {
        va_list args;
        va_start(args, fmt);
        vsnprintf(e->text, sizeof(e->text), fmt, args);
        va_end(args);
    }
    return code;
}

int err_system(struct err *e, const char *fmt, ...)
{
    int saved = errno;
    if (e) {
        va_list args;
        va_start(args, fmt);
        vsnprintf(e->text, sizeof(e->text), fmt, args);
        va_end(args);
        size_t len = strlen(e->text);
        snprintf(e->text + len, sizeof(e->text) - len, ": %s", strerror(saved));
    }
    return ERR_SYSTEM;
}
