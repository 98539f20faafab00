/* For `cong check`: which names of peers can be looked up at this moment. */
#ifndef PROCESS_NAME_CHECK_H
#define PROCESS_NAME_CHECK_H

#include "common/buf.h"
#include "config/config.h"

/* Appends a line for each that cannot. That is no fault of the configuration: the machine that
 * checks it may be another one than will run it. */
void name_check(const struct config *config, struct buf *out);

#endif
