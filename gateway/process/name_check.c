#include "process/name_check.h"

#include "common/mem.h"
#include "net/resolver.h"

struct check {
    const struct config *config;
    struct buf *out;
    struct loop *loop;
    size_t left;
};

struct question {
    struct check *check;
    const struct config_upstream *upstream;
    const struct config_peer *peer;
};

static void on_answer(void *user, const struct resolver_answer *answer)
{
    const struct question *q = user;
    struct check *c = q->check;
    if (answer->problem)
        buf_printf(c->out,
                   "%s: upstreams[%zu].peers[%zu].address: %s cannot be looked up now: %s\n",
                   c->config->file, (size_t)(q->upstream - c->config->upstreams),
                   (size_t)(q->peer - q->upstream->peers), q->peer->address.host,
                   resolver_problem_text(answer->problem));
    c->left--;
    if (c->left == 0)
        uv_stop(&c->loop->uv);
}

/* Every peer with a name; NULL counts them. */
static size_t collect(struct check *c, struct question *questions)
{
    size_t count = 0;
    for (size_t i = 0; i < c->config->upstream_count; i++) {
        const struct config_upstream *u = &c->config->upstreams[i];
        for (size_t k = 0; k < u->peer_count; k++) {
            if (!u->peers[k].address.host)
                continue;
            if (questions)
                questions[count] = (struct question){ c, u, &u->peers[k] };
            count++;
        }
    }
    return count;
}

static void ask_all(struct check *c)
{
    struct err e;
    const struct config_resolver *terms = &c->config->resolver;
    struct question *questions = mem_new_array(c->left, sizeof(*questions));
    struct resolver *r =
        resolver_new(c->loop, &(struct resolver_terms){ terms->servers, terms->timeout_ms }, &e);
    size_t count = collect(c, questions);
    for (size_t i = 0; r && i < count; i++)
        resolver_ask(r, questions[i].peer->address.host, on_answer, &questions[i]);
    if (r && c->left)
        uv_run(&c->loop->uv, UV_RUN_DEFAULT);
    if (!r)
        buf_printf(c->out, "%s: %s\n", c->config->file, e.text);
    resolver_free(&r);
    mem_free(questions);
}

void name_check(const struct config *config, struct buf *out)
{
    struct loop loop;
    struct check c = { .config = config, .out = out, .loop = &loop };
    c.left = collect(&c, NULL);
    if (c.left == 0)
        return;
    if (loop_init(&loop) < 0) {
        buf_printf(out, "%s: names of peers cannot be looked up here\n", config->file);
        return;
    }
    ask_all(&c);
    loop_fini(&loop);
}
