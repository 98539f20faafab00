#include "bench/load/user_talk.h"

#include "common/clock.h"

#define GOOD_LINK_BYTES_PER_S 12500000 /* 100 Mbit/s */
#define PACE_US 20000
#define PACE_PIECE_MIN 1400
#define WRITE_BYTES 65536

static uint64_t link_bytes_per_s(const struct user *u)
{
    return u->link_bytes_per_s ? u->link_bytes_per_s : GOOD_LINK_BYTES_PER_S;
}

uint64_t user_talk_body_us(const struct user *u)
{
    return u->action->request.body_bytes * 1000000 / link_bytes_per_s(u);
}

/* --- sending ---------------------------------------------------------------------------------- */

/* The next run of bytes for the wire; empty when there is nothing to send now. */
static struct slice next_piece(struct user *u)
{
    if (!u->h2)
        return u->action ? request_next_piece(&u->action->request, WRITE_BYTES)
                         : (struct slice){ 0 };
    buf_clear(&u->engine->scratch);
    h2_client_write(u->h2, &u->engine->scratch, WRITE_BYTES);
    return buf_slice(&u->engine->scratch);
}

void user_talk_proceed(struct user *u)
{
    while (!wire_is_blocked(u->wire)) {
        struct slice piece = next_piece(u);
        if (piece.len == 0)
            break;
        wire_write(u->wire, piece);
    }
    wire_flush(u->wire);
}

/* So long a slow link needs for a piece that is worth sending. */
static uint64_t pace_us(const struct user *u)
{
    return MAX(PACE_US, PACE_PIECE_MIN * 1000000ull / link_bytes_per_s(u));
}

static void allow(struct user *u, uint64_t from_us)
{
    struct action *a = u->action;
    uint64_t interval_us = pace_us(u);
    a->request.allowed_bytes += link_bytes_per_s(u) * interval_us / 1000000;
    if (a->request.allowed_bytes < a->request.body_bytes)
        agenda_set(&u->engine->agenda, &a->pace,
                   agenda_after(from_us, interval_us, clock_now_us()));
}

static void on_pace(struct agenda_item *item)
{
    struct user *u = CONTAINER_OF(item, struct action, pace)->user;
    allow(u, item->due_us);
    user_talk_proceed(u);
}

static void note_in_ledger(struct engine *e, const struct request *r, uint64_t now_us)
{
    client_ledger_add(&e->ledger,
                      &(struct ledger_line){ .event = LEDGER_SENT,
                                             .key = slice_str(r->key),
                                             .sha256 = slice_str(r->digest.hex),
                                             .bytes = r->body_bytes,
                                             .time_ms = (now_us - e->tally.start_us) / 1000 });
}

static void send_head(struct user *u)
{
    struct action *a = u->action;
    struct engine *e = u->engine;
    if (u->h2) {
        h2_client_ask(u->h2, &a->request, e->host, &a->answer);
        return;
    }
    h1_client_expect(&a->h1, &a->answer);
    buf_clear(&e->scratch);
    h1_client_write_head(&a->request, e->host, &e->scratch);
    wire_write(u->wire, buf_slice(&e->scratch));
}

void user_talk_send(struct user *u)
{
    struct action *a = u->action;
    a->pace.on_due = on_pace;
    a->counted.sent_us = clock_now_us();
    if (request_files(&a->request))
        note_in_ledger(u->engine, &a->request, a->counted.sent_us);
    if (a->request.body_bytes)
        allow(u, a->counted.sent_us);
    send_head(u);
    user_talk_proceed(u);
}

/* --- reading ---------------------------------------------------------------------------------- */

void user_talk_open(struct user *u)
{
    if (wire_speaks_http2(u->wire))
        u->h2 = h2_client_new();
}

enum answer_progress user_talk_read(struct user *u, struct slice bytes)
{
    if (u->h2) {
        enum answer_progress progress = h2_client_read(u->h2, bytes);
        if (progress != ANSWER_BAD)
            user_talk_proceed(u);
        return progress;
    }
    return u->action ? h1_client_read(&u->action->h1, bytes) : ANSWER_BAD;
}

enum answer_progress user_talk_end(struct user *u)
{
    return u->h2 ? ANSWER_MORE : h1_client_end(&u->action->h1);
}
