/* What a connection to a peer begins with before any request: a PROXY header where the upstream
 * wants one, so that the backend sees who the client is. */
#ifndef PIPELINE_PREFACE_H
#define PIPELINE_PREFACE_H

#include "pipeline/passage.h"

/* In the exchange's arena; empty: nothing. */
struct slice preface_of(struct passage *p);

#endif
