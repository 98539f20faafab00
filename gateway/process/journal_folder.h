/* The folder of the submissions' journal (store/submission_journal.h), as the supervisor sees it:
 * made before workers need it, and read back before they serve anybody. */
#ifndef PROCESS_JOURNAL_FOLDER_H
#define PROCESS_JOURNAL_FOLDER_H

#include "config/config.h"
#include "process/privileges.h"
#include "store/store_region.h"

/* Makes the folder where a route of `config` has submissions, and gives it to who workers run as.
 */
int journal_folder_prepare(const struct config *config, const struct privileges *privileges,
                           struct err *e) MUST_CHECK;
/* Puts what was recorded into a region that does not know it yet: it began anew, or whoever did
 * this the last time was interrupted. */
int journal_folder_replay(const struct config *config, struct store_region *region,
                          struct err *e) MUST_CHECK;

#endif
