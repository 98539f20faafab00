/* The log files, opened with the supervisor's rights and lent to all processes. */
#ifndef PROCESS_LOG_FILES_H
#define PROCESS_LOG_FILES_H

#include "config/config.h"
#include "process/channel.h"

struct log_files {
    int error;  /* owned */
    int access; /* owned; -1 without an access log */
};

/* On failure `l` holds nothing. */
int log_files_open(struct log_files *l, const struct config *config, struct err *e) MUST_CHECK;
void log_files_close(struct log_files *l);

/* Makes `next` the current ones, and writes this process's own error log there. */
void log_files_replace(struct log_files *current, const struct log_files *next);

void log_files_lend(const struct log_files *l, struct channel_files *files);

#endif
