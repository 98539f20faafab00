/* A request's body that is taken whole before a peer gets any of it, and can be sent from its start
 * again. Taken by stage_submission, which looks at it on its way, or by stage_upload, where a route
 * asks for no more than that; sent by stage_proxy. In the exchange's arena. */
#ifndef PIPELINE_UPLOAD_H
#define PIPELINE_UPLOAD_H

#include "pipeline/passage.h"
#include "pipeline/spool.h"

struct upload {
    struct passage *passage; /* borrowed: it holds us */
    struct spool spool;
    bool taking;
    bool peer_blocked; /* it takes no more of the body */
};

/* The body is let come. False when memory is out; there has to be a body. */
bool upload_begin(struct passage *p) MUST_CHECK;
/* False: there is no room for it, or no disk. */
bool upload_take(struct passage *p, struct slice piece) MUST_CHECK;
/* It has come: what goes on has a length. */
void upload_complete(struct passage *p);

/* ---- these do nothing where the body was not taken ---- */

/* Sends it, as far as the peer takes it. */
void upload_feed(struct passage *p);
/* The peer takes no more of it, or some again. */
void upload_block(struct passage *p, bool blocked);
/* It is to be sent from its start. */
void upload_rewind(struct passage *p);
/* Gives back file, memory and quota. */
void upload_drop(struct passage *p);

#endif
