#include "bench/node/node_answer.h"

#include "bench/node/node_content.h"
#include "common/clock.h"
#include "common/status_phrase.h"

#include <stdarg.h>
#include <stdio.h>

#define HEADERS_BYTES (128 * 1024)
#define TEXT_BYTES (NODE_KEPT_BYTES + 64 * 1024)
#define REST_BYTES (64 * 1024) /* a buffer that has grown beyond this does not stay in the pool */
#define CHUNK_BYTES (16 * 1024)
#define PIECE_BYTES (64 * 1024)
#define PIECES_PER_SECOND 20 /* of a paced body */

void node_answer_reset(struct node_answer *a)
{
    struct buf headers = a->headers, text = a->text;
    if (text.size > REST_BYTES)
        buf_fini(&text);
    *a = (struct node_answer){ .headers = headers, .text = text };
    a->headers.cap = HEADERS_BYTES;
    a->text.cap = TEXT_BYTES;
    buf_clear(&a->headers);
    buf_clear(&a->text);
}

void node_answer_fini(struct node_answer *a)
{
    buf_fini(&a->headers);
    buf_fini(&a->text);
}

/* --- what handlers say ------------------------------------------------------------------------ */

void node_answer_set_text(struct node_answer *a, unsigned status, const char *type)
{
    a->status = status;
    a->type = type;
    a->body = NODE_BODY_TEXT;
    buf_clear(&a->text);
}

void node_answer_set_content(struct node_answer *a, const char *type, const char *block,
                             uint64_t bytes)
{
    a->type = type;
    a->body = NODE_BODY_CONTENT;
    a->block = block;
    a->body_bytes = bytes;
}

void node_answer_refuse(struct node_answer *a, unsigned status, const char *fmt, ...)
{
    char line[640];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    node_answer_set_text(a, status, "text/plain; charset=utf-8");
    buf_printf(&a->text, "%u %s: %s\n", status, status_phrase(status), line);
}

void node_answer_add_header(struct node_answer *a, const char *name, const char *value)
{
    buf_printf(&a->headers, "%s: %s\r\n", name, value);
}

/* --- the plan --------------------------------------------------------------------------------- */

/* RFC 9112 6.3 */
static bool has_no_body(const struct node_answer *a)
{
    return a->status < 200 || a->status == 204 || a->status == 304;
}

static bool dies(const struct node_answer *a)
{
    return a->close == NODE_CLOSE_BODY || a->close == NODE_CLOSE_MID_CHUNK;
}

void node_answer_plan(struct node_answer *a, const struct node_plan *plan,
                      const struct node_request *r)
{
    bool streams = a->body == NODE_BODY_EVENTS;
    if (plan->status != NODE_PLAN_UNSET)
        a->status = (unsigned)plan->status;
    if (a->body == NODE_BODY_TEXT)
        a->body_bytes = a->text.len;
    a->upgrades = a->upgrades && a->status == 101;
    a->minor_0 = r->minor == 0;
    a->keep_alive = r->keep_alive;
    a->head_only = r->method == HTTP_HEAD;
    a->close = (enum node_plan_close)plan->close;
    a->trailer = plan->trailer;
    a->rate = plan->rate;
    a->chunked = streams || plan->chunked || plan->trailer || a->close == NODE_CLOSE_MID_CHUNK;
    a->length_unknown = a->close == NODE_CLOSE_END || (a->chunked && a->minor_0);
    if (a->length_unknown)
        a->chunked = a->keep_alive = false;
    a->end_bytes = dies(a) ? a->body_bytes / 2 : a->body_bytes;
    a->end_events = dies(a) ? (a->event_count + 1) / 2 : a->event_count;
    buf_append_slice(&a->headers, buf_slice(&plan->headers));
}

/* --- the head --------------------------------------------------------------------------------- */

static void put(struct node_out *out, const char *str)
{
    node_out_copy(out, slice_str(str));
}

static void put_u64(struct node_out *out, uint64_t value)
{
    char digits[20];
    node_out_copy(out, slice_of(digits, format_u64(digits, value)));
}

static void put_header(struct node_out *out, const char *name, const char *value)
{
    put(out, name);
    put(out, ": ");
    put(out, value);
    put(out, "\r\n");
}

static void put_framing(const struct node_answer *a, struct node_out *out)
{
    if (has_no_body(a) || a->length_unknown)
        return;
    if (a->chunked) {
        put_header(out, "Transfer-Encoding", "chunked");
        return;
    }
    put(out, "Content-Length: ");
    put_u64(out, a->body_bytes);
    put(out, "\r\n");
}

static void put_status(struct node_out *out, unsigned status)
{
    put(out, "HTTP/1.1 ");
    put_u64(out, status);
    put(out, " ");
    put(out, status_phrase(status));
    put(out, "\r\n");
}

void node_answer_interim(unsigned status, struct node_out *out)
{
    put_status(out, status);
    put_header(out, "X-Interim", "1");
    put(out, "\r\n");
}

void node_answer_begin(struct node_answer *a, struct slice common, struct node_out *out)
{
    put_status(out, a->status);
    node_out_copy(out, common);
    if (a->type)
        put_header(out, "Content-Type", a->type);
    put_framing(a, out);
    if (a->trailer && a->chunked)
        put_header(out, "Trailer", "X-Trailer");
    if (!a->keep_alive)
        put_header(out, "Connection", "close");
    else if (a->minor_0)
        put_header(out, "Connection", "keep-alive");
    node_out_copy(out, buf_slice(&a->headers));
    put(out, "\r\n");
}

/* --- the body --------------------------------------------------------------------------------- */

static void put_chunk_head(struct node_out *out, uint64_t bytes)
{
    char line[24];
    int len = snprintf(line, sizeof(line), "%llx\r\n", (unsigned long long)bytes);
    node_out_copy(out, slice_of(line, (size_t)len));
}

/* A piece of the body. `missing` is what its chunk promises beyond it and does not hold. */
static void put_piece(const struct node_answer *a, struct node_out *out, struct slice piece,
                      uint64_t missing)
{
    if (a->chunked)
        put_chunk_head(out, piece.len + missing);
    if (a->body == NODE_BODY_CONTENT)
        node_out_lend(out, piece);
    else
        node_out_copy(out, piece);
    if (a->chunked && !missing)
        put(out, "\r\n");
}

static enum node_answer_step finish(const struct node_answer *a, struct node_out *out)
{
    if (dies(a))
        return NODE_ANSWER_DIE;
    if (a->chunked)
        put(out, "0\r\n");
    if (a->chunked && a->trailer)
        put_header(out, "X-Trailer", "the end");
    if (a->chunked)
        put(out, "\r\n");
    return NODE_ANSWER_DONE;
}

static struct slice next_piece(const struct node_answer *a)
{
    uint64_t len = MIN(a->end_bytes - a->sent_bytes, PIECE_BYTES);
    if (a->chunked)
        len = MIN(len, CHUNK_BYTES);
    if (a->rate)
        len = MIN(len, MAX(a->rate / PIECES_PER_SECOND, 1));
    if (a->body == NODE_BODY_TEXT)
        return slice_of(a->text.data + a->sent_bytes, (size_t)len);
    uint64_t at = a->sent_bytes % NODE_CONTENT_BLOCK;
    return slice_of(a->block + at, (size_t)MIN(len, NODE_CONTENT_BLOCK - at));
}

static enum node_answer_step continue_bytes(struct node_answer *a, struct node_out *out,
                                            uint64_t *pause_ms)
{
    while (a->sent_bytes < a->end_bytes) {
        if (node_out_is_full(out))
            return NODE_ANSWER_SEND;
        struct slice piece = next_piece(a);
        a->sent_bytes += piece.len;
        bool cut = a->close == NODE_CLOSE_MID_CHUNK && a->sent_bytes == a->end_bytes;
        put_piece(a, out, piece, cut ? a->body_bytes - a->end_bytes : 0);
        if (a->rate && a->sent_bytes < a->end_bytes) {
            *pause_ms = piece.len * 1000 / a->rate;
            return NODE_ANSWER_PAUSE;
        }
    }
    return finish(a, out);
}

static enum node_answer_step continue_events(struct node_answer *a, struct node_out *out,
                                             uint64_t *pause_ms)
{
    char event[160], when[CLOCK_ISO_LEN + 1];
    a->events_sent++;
    clock_format_iso(when, clock_wall_ms());
    int len = snprintf(
        event, sizeof(event), "id: %llu\nevent: tick\ndata: {\"n\":%llu,\"time\":\"%s\"}\n\n",
        (unsigned long long)a->events_sent, (unsigned long long)a->events_sent, when);
    bool is_last = a->events_sent == a->end_events;
    bool cut = is_last && a->close == NODE_CLOSE_MID_CHUNK;
    put_piece(a, out, slice_of(event, (size_t)len), cut ? (uint64_t)len : 0);
    if (is_last)
        return finish(a, out);
    *pause_ms = a->interval_ms;
    return a->interval_ms ? NODE_ANSWER_PAUSE : NODE_ANSWER_SEND;
}

enum node_answer_step node_answer_continue(struct node_answer *a, struct node_out *out,
                                           uint64_t *pause_ms)
{
    if (a->head_only || has_no_body(a))
        return NODE_ANSWER_DONE;
    if (a->body == NODE_BODY_EVENTS)
        return continue_events(a, out, pause_ms);
    return continue_bytes(a, out, pause_ms);
}
