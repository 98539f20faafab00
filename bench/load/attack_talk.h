/* What an attacker says on its connection, and what it makes of the answer. Sans I/O. */
#ifndef LOAD_ATTACK_TALK_H
#define LOAD_ATTACK_TALK_H

#include "bench/scenario/attack.h"
#include "common/buf.h"

#define ATTACK_TALK_STREAMS 100 /* that a flood opens and resets in one piece */
#define ATTACK_TALK_GOES_ON ATTACK_OUTCOME_COUNT

struct attack_talk {
    enum attack_kind kind;
    uint64_t sent; /* pieces: bytes, but for the head of slow_body and slow_read */
    uint32_t next_stream;
    bool owes_settings; /* an acknowledgement, without which it would be sent away for that */
    char status[12];    /* the beginning of an answer: "HTTP/1.1 408" */
    uint32_t status_len;
    struct buf input; /* the beginning of a frame that is not all here */
};

/* On a new connection. */
void attack_talk_init(struct attack_talk *t, enum attack_kind kind);
void attack_talk_fini(struct attack_talk *t);

/* Appends what is sent at one time: a byte, a head, or a batch of streams. Returns how many streams
 * were opened and reset in it. */
uint32_t attack_talk_write(struct attack_talk *t, struct slice host, struct buf *out);
/* What these bytes of the gateway's say becomes of the connection: ATTACK_STATUS_408,
 * ATTACK_STATUS_OTHER, ATTACK_GOAWAY; ATTACK_TALK_GOES_ON when nothing. */
enum attack_outcome attack_talk_read(struct attack_talk *t, struct slice bytes);

#endif
