/* A step on the way of every request. A stage looks at the request and lets it pass, answers it
 * itself, or (the last one) takes it over. Answers climb back through the stages that were passed,
 * in reverse; each may edit the answer's fields. */
#ifndef PIPELINE_STAGE_H
#define PIPELINE_STAGE_H

#include "pipeline/passage.h"

enum stage_verdict {
    STAGE_NEXT,
    STAGE_ANSWERED, /* an answer has been sent or begun */
    STAGE_WAIT,     /* the last stage has taken it over */
};

struct stage {
    const char *name;
    enum stage_verdict (*on_request)(struct passage *p);
    void (*on_response)(struct passage *p); /* may be NULL */
};

extern const struct stage stage_client; /* who asks, as far as trusted proxies tell */
extern const struct stage stage_https;  /* plain listeners that redirect */
extern const struct stage stage_route;  /* which route; its redirect, its edits of the answer */
extern const struct stage stage_body;   /* the announced size of the body */
extern const struct stage stage_proxy;  /* a peer answers */

/* The events of the exchange that belong to stage_proxy alone. */
void stage_proxy_on_body(struct passage *p, struct slice data);
void stage_proxy_on_body_end(struct passage *p, const struct headers *trailers);
void stage_proxy_on_blocked(struct passage *p);
void stage_proxy_on_drained(struct passage *p);
void stage_proxy_drop(struct passage *p);

#endif
