#include "bench/measure/results.h"

static const char *const names[] = {
    [RESULTS_ERROR_CONNECT] = "connect",       [RESULTS_ERROR_HANDSHAKE] = "handshake",
    [RESULTS_ERROR_CLOSED] = "closed",         [RESULTS_ERROR_CUT] = "cut",
    [RESULTS_ERROR_TIMEOUT] = "timeout",       [RESULTS_ERROR_STATUS_4XX] = "status_4xx",
    [RESULTS_ERROR_STATUS_5XX] = "status_5xx", [RESULTS_ERROR_INVALID] = "invalid",
    [RESULTS_ERROR_CHECKSUM] = "checksum",     [RESULTS_ERROR_GENERATOR] = "generator",
    [RESULTS_ERROR_DOUBT] = "doubt",
};
_Static_assert(ARRAY_LEN(names) == RESULTS_ERROR_COUNT, "every error has a name");

const char *results_error_name(enum results_error error)
{
    return names[error];
}

const char *results_error_text(enum results_error error)
{
    static const char *const texts[] = {
#define ERROR(id, text) text,
        RESULTS_ERRORS(ERROR)
#undef ERROR
    };
    return texts[error];
}
