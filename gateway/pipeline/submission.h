/* A submission on its way: what stage_submission and stage_proxy know of it together.
 *
 *   TAKING -> BEGINNING -> OWNED -> RECORDING -> SENT -> CLOSING -> OVER
 *   body      the store    a peer   "it is sent"  answer  how it    the answer
 *   whole     is asked     is found  is recorded   comes   ended     goes out
 *                 `-> ASKING -> OWNED     doubtful, and the backend can be asked
 *                 `-> UNRECORDED          no store, but the backend stores a key once
 *
 * From RECORDING to OVER the exchange is held: the client may leave, the record still gets its end.
 * The client is answered when the record has been. */
#ifndef PIPELINE_SUBMISSION_H
#define PIPELINE_SUBMISSION_H

#include "common/digest_stream.h"
#include "http/form_reader.h"
#include "pipeline/passage.h"
#include "store/submissions.h"

/* Of an answer's body: one read may come on top before its peer is held. */
#define SUBMISSION_KEPT_MAX (SUBMISSION_BODY_MAX + LOOP_PLAIN_BYTES)

enum submission_phase {
    SUBMISSION_TAKING,
    SUBMISSION_BEGINNING,
    SUBMISSION_ASKING,
    SUBMISSION_OWNED,
    SUBMISSION_RECORDING,
    SUBMISSION_SENT,
    SUBMISSION_CLOSING,
    SUBMISSION_OVER,
    SUBMISSION_UNRECORDED,
};

/* How the record ends, and whether the client is shown a page in place of the answer. */
enum submission_ending {
    SUBMISSION_ANSWER,      /* answered: the same for whoever asks again */
    SUBMISSION_ASKED_AGAIN, /* the backend wants to be asked again: as if nothing had been sent */
    SUBMISSION_LEFT_OPEN,   /* the backend failed: its answer is shown, and the record in doubt */
    SUBMISSION_IN_THE_DARK, /* nobody knows: a page, and the record in doubt */
};

struct submission_lookup;

struct submission {
    struct list node; /* while the exchange is held: in pipeline.held */
    struct passage *passage;
    const struct config_submission *config; /* borrowed from the snapshot */
    enum submission_phase phase;
    enum submission_ending ending;
    const char *outcome; /* for the access log */
    struct slice key;    /* as the backend is told it */
    struct submission_op op;
    struct submission_about about;    /* of the operation */
    struct submission_lookup *lookup; /* in the arena; NULL: nobody was asked */
    struct digest_stream *digest;     /* owned; of the body */
    struct form_reader *form;         /* in the arena */
    struct buf kept;                  /* of the answer's body, until the record is closed */
    bool begun;           /* the store has told what it knows of the key: nothing, or doubt */
    bool resent;          /* an earlier attempt of this request may have reached a backend */
    bool answer_complete; /* in `kept` */
    bool cut_off;         /* the answer broke off, after the record began to be closed */
};

/* ---- for stage_proxy; all do nothing, and say so, where the request is no submission ---- */

/* Nothing may leave before it has been recorded. False: not yet, stage_proxy_proceed() follows, or
 * an answer. */
bool submission_may_send(struct passage *p);
/* Another attempt is safe although something was sent. */
bool submission_may_resend(const struct passage *p);
/* A pooled connection may end in the moment in which it is used: then nobody would know. */
bool submission_wants_fresh(const struct passage *p);
/* The answer comes: true while it is kept here. */
bool submission_takes_head(struct passage *p);
bool submission_takes_body(struct passage *p, struct slice data);
bool submission_takes_end(struct passage *p);
/* No peer answers any more. True: what is to be said about it, is said here. */
bool submission_failed(struct passage *p);
/* The head has been sent: what was kept follows. */
void submission_send_kept(struct passage *p);

/* ---- for stage_submission and pipeline ---- */

/* Gives back all it has; what is not sent can be begun again at once. */
void submission_leave(struct submission *s);
/* The process ends: how it ends will not be known here. */
void submission_abandon(struct submission *s);

#endif
