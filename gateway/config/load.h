/* From a YAML file to a struct config, or to the complete list of what is wrong with the file. */
#ifndef CONFIG_LOAD_H
#define CONFIG_LOAD_H

#include "config/bundle.h"
#include "config/config.h"
#include "config/diagnostics.h"

#define CONFIG_FILE_BYTES_MAX (4u * 1024 * 1024)

/* Loads `path` and the files that it names through `b`; relative names are relative to the folder
 * of `path`. On failure every problem found is in `d` and NULL is returned. The tree borrows
 * nothing from the bundle: file contents are copied into its arena. What is allowed but unwise, an
 * expired certificate, is a warning in the error log; not when `b` is sealed, since whoever sealed
 * it has been warned. */
struct config *config_load(struct bundle *b, const char *path, struct diagnostics *d) MUST_CHECK;

/* Where the gateway of `path` has its runtime folder, whatever else is wrong with the file:
 * commands for a gateway that runs need no more of it. To be freed with mem_free(). NULL, with the
 * problems in `d`, when the file cannot be read as YAML. */
char *config_load_runtime_dir(struct bundle *b, const char *path, struct diagnostics *d) MUST_CHECK;

#endif
