/* `cong affected`: the submissions that the loss of their record in Redis may have affected
 * (store/affected_list.h), from the file itself: the gateway need not run. */
#ifndef PROCESS_AFFECTED_COMMAND_H
#define PROCESS_AFFECTED_COMMAND_H

#include "common/base.h"

/* Returns the program's exit code; problems go to standard error. */
int affected_command_run(const char *config_path, bool json);

#endif
