/* Where scenarios lie: bench/scenarios below the current folder, or beside the program's sources.
 */
#ifndef RUN_SCENARIO_PATH_H
#define RUN_SCENARIO_PATH_H

#include "common/err.h"

#include <limits.h>

/* A word with a slash or a dot is a file; any other is the name of a shipped scenario. */
int scenario_path_find(const char *word, char out[PATH_MAX], struct err *e) MUST_CHECK;
/* The folder of the shipped ones. */
int scenario_path_folder(char out[PATH_MAX], struct err *e) MUST_CHECK;

#endif
