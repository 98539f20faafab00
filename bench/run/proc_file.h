/* Small text files of /proc. */
#ifndef RUN_PROC_FILE_H
#define RUN_PROC_FILE_H

#include "common/base.h"

/* Cut to fit and terminated; an empty text and false when the file is not there. */
bool proc_file_read(const char *path, char *text, size_t size);
/* The number behind `label` ("Slab:", "mem "); 0 when there is none. */
uint64_t proc_file_number(const char *text, const char *label);

#endif
