/* The action in flight on its user's wire, in whichever HTTP version that speaks: the request goes
 * out at the pace of the user's link, and the answer comes in. */
#ifndef LOAD_USER_TALK_H
#define LOAD_USER_TALK_H

#include "bench/load/user.h"

/* The wire has just opened. */
void user_talk_open(struct user *u);
/* Sends the request, the rest of a long body by and by. */
void user_talk_send(struct user *u);
/* The socket takes more again. */
void user_talk_proceed(struct user *u);
/* ANSWER_BAD also for bytes that nobody asked for. */
enum answer_progress user_talk_read(struct user *u, struct slice bytes);
/* The server has ended the connection in good order. */
enum answer_progress user_talk_end(struct user *u);

/* How long the user's link takes for the body of the request. */
uint64_t user_talk_body_us(const struct user *u);

#endif
