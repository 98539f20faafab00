#include "process/assignment.h"

#include "common/log.h"
#include "config/load.h"

#include <stdio.h>

static struct config *load_bundle(struct bundle *bundle, const char *path,
                                  char problem[CHANNEL_TEXT_BYTES])
{
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct config *config = config_load(bundle, path, &diagnostics);
    if (!config)
        snprintf(problem, CHANNEL_TEXT_BYTES, "%.*s", SLICE_ARG(buf_slice(&diagnostics.text)));
    diagnostics_fini(&diagnostics);
    return config;
}

struct config *assignment_load(const struct channel_message *message, struct channel_files *files,
                               char problem[CHANNEL_TEXT_BYTES])
{
    struct err e;
    if (files->bundle < 0) {
        snprintf(problem, CHANNEL_TEXT_BYTES, "the message brought no configuration");
        return NULL;
    }
    struct bundle *bundle = bundle_open(files->bundle, &e);
    files->bundle = -1;
    if (!bundle) {
        snprintf(problem, CHANNEL_TEXT_BYTES, "%s", e.text);
        return NULL;
    }
    struct config *config = load_bundle(bundle, message->text, problem);
    bundle_free(&bundle);
    return config;
}

void assignment_take_error_log(struct channel_files *files)
{
    if (files->error_log >= 0)
        log_set_fd(files->error_log);
    files->error_log = -1;
}
