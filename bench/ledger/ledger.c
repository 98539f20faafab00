#include "bench/ledger/ledger.h"

#include <stdio.h>

size_t ledger_format(char out[LEDGER_LINE_MAX], const struct ledger_line *line)
{
    assert(line->key.len > 0 && line->key.len <= LEDGER_KEY_MAX);
    unsigned long long bytes = line->bytes, time_ms = line->time_ms;
    int len;
    if (line->event == LEDGER_SENT) {
        assert(line->sha256.len == LEDGER_SHA256_LEN);
        len = snprintf(out, LEDGER_LINE_MAX, "sent %.*s %.*s %llu %llu\n", SLICE_ARG(line->key),
                       SLICE_ARG(line->sha256), bytes, time_ms);
    } else if (line->event == LEDGER_DOUBT) {
        len = snprintf(out, LEDGER_LINE_MAX, "doubt %.*s %llu\n", SLICE_ARG(line->key), time_ms);
    } else {
        assert(line->receipt.len > 0 && line->receipt.len <= LEDGER_RECEIPT_MAX);
        len = snprintf(out, LEDGER_LINE_MAX, "ack %.*s %.*s %llu\n", SLICE_ARG(line->key),
                       SLICE_ARG(line->receipt), time_ms);
    }
    assert(len > 0 && len < LEDGER_LINE_MAX);
    return (size_t)len;
}

static struct slice next_field(struct slice *rest)
{
    size_t len = slice_find(*rest, ' ');
    struct slice field = slice_of(rest->data, len);
    *rest = slice_from(*rest, MIN(len + 1, rest->len));
    return field;
}

static bool is_word(struct slice s, size_t max)
{
    return s.len > 0 && s.len <= max;
}

static int parse_sent(struct slice rest, struct ledger_line *line)
{
    line->event = LEDGER_SENT;
    line->sha256 = next_field(&rest);
    struct slice bytes = next_field(&rest);
    bool is_right = line->sha256.len == LEDGER_SHA256_LEN && slice_to_u64(bytes, &line->bytes) &&
                    slice_to_u64(rest, &line->time_ms);
    return is_right ? 0 : ERR_INVALID;
}

static int parse_ack(struct slice rest, struct ledger_line *line)
{
    line->event = LEDGER_ACK;
    line->receipt = next_field(&rest);
    bool is_right =
        is_word(line->receipt, LEDGER_RECEIPT_MAX) && slice_to_u64(rest, &line->time_ms);
    return is_right ? 0 : ERR_INVALID;
}

static int parse_doubt(struct slice rest, struct ledger_line *line)
{
    line->event = LEDGER_DOUBT;
    return slice_to_u64(rest, &line->time_ms) ? 0 : ERR_INVALID;
}

int ledger_parse(struct slice text, struct ledger_line *line)
{
    *line = (struct ledger_line){ .event = LEDGER_SENT };
    struct slice event = next_field(&text);
    line->key = next_field(&text);
    if (!is_word(line->key, LEDGER_KEY_MAX))
        return ERR_INVALID;
    if (slice_eq(event, SLICE("sent")))
        return parse_sent(text, line);
    if (slice_eq(event, SLICE("doubt")))
        return parse_doubt(text, line);
    return slice_eq(event, SLICE("ack")) ? parse_ack(text, line) : ERR_INVALID;
}
