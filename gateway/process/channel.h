/* The messages between the supervisor and one child: a SOCK_SEQPACKET pair, one struct a message,
 * descriptors beside it (SCM_RIGHTS).
 *
 * From the supervisor to the child:
 *
 *   - CONFIG: load the bundle, use these logs and listening sockets from now on
 *   - REOPEN: use these logs from now on
 *   - DRAIN: accept what is queued, close the listening sockets, finish within deadline_ms, say
 *     DRAINED, exit
 *
 * From the child to the supervisor:
 *
 *   - APPLIED: the CONFIG of this generation is in use
 *   - REJECTED: it is not, and the text says why; the last one stays in use
 *   - DRAINED: nothing is left to do
 *   - FULL: descriptors run short: no new connections, please
 *   - ROOM: there is room again
 *
 * Every CONFIG and REOPEN brings fresh descriptors for everything it names; the receiver owns them.
 * The set of listening sockets of a CONFIG replaces the last one entirely: the sockets of an
 * address that stays are duplicates of those the child has already. A child whose channel closes
 * exits at once, for its supervisor is gone. Both ends never block: the child watches its end with
 * uv_poll. */
#ifndef PROCESS_CHANNEL_H
#define PROCESS_CHANNEL_H

#include "common/err.h"
#include "config/config.h"

enum channel_kind {
    CHANNEL_CONFIG = 1,
    CHANNEL_REOPEN,
    CHANNEL_DRAIN,
    CHANNEL_APPLIED,
    CHANNEL_REJECTED,
    CHANNEL_DRAINED,
    CHANNEL_FULL,
    CHANNEL_ROOM,
};

#define CHANNEL_TEXT_BYTES 1024

struct channel_message {
    uint32_t kind;                 /* enum channel_kind */
    uint32_t generation;           /* CONFIG, APPLIED, REJECTED */
    uint32_t deadline_ms;          /* DRAIN */
    char text[CHANNEL_TEXT_BYTES]; /* CONFIG: path of the configuration; REJECTED: the reason */
};

/* Descriptors that travel with a message; -1 is none. */
struct channel_files {
    int bundle;     /* CONFIG */
    int access_log; /* none when there is no access log */
    int error_log;
    uint32_t socket_count;             /* CONFIG */
    int sockets[CONFIG_LISTENERS_MAX]; /* one per config->listeners, in order; keeper: the admin's
                                        */
};

enum channel_status {
    CHANNEL_EMPTY, /* nothing to read now */
    CHANNEL_MESSAGE,
    CHANNEL_TRUNCATED, /* a message whose descriptors did not fit into this process */
    CHANNEL_CLOSED,    /* the other side is gone, or talks nonsense */
};

void channel_files_init(struct channel_files *files);
/* Closes what is left in it. */
void channel_files_close(struct channel_files *files);

/* Both ends are non-blocking and close on exec. */
int channel_pair(int ends[2], struct err *e) MUST_CHECK;

/* `files` may be NULL; its descriptors stay the caller's. Fails at once when the other side has not
 * read for long, or is gone. */
int channel_send(int fd, const struct channel_message *message, const struct channel_files *files,
                 struct err *e) MUST_CHECK;
/* The same for a message without descriptors; text may be NULL and is cut to fit. */
int channel_say(int fd, enum channel_kind kind, uint32_t generation, const char *text,
                struct err *e) MUST_CHECK;

/* With `files` NULL, descriptors sent are not taken. The text is terminated. */
enum channel_status channel_receive(int fd, struct channel_message *message,
                                    struct channel_files *files) MUST_CHECK;

#endif
