/* The child's side of a CONFIG message: from descriptors to a configuration. */
#ifndef PROCESS_ASSIGNMENT_H
#define PROCESS_ASSIGNMENT_H

#include "process/channel.h"

/* Loads the configuration of a CONFIG from its bundle, and closes the bundle. NULL on failure, with
 * the problems in `problem`, cut to fit: text for REJECTED. */
struct config *assignment_load(const struct channel_message *message, struct channel_files *files,
                               char problem[CHANNEL_TEXT_BYTES]) MUST_CHECK;

/* Switches this process's error log to the message's, taking it over. */
void assignment_take_error_log(struct channel_files *files);

#endif
