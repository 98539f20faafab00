/* A body that waits: in memory at first, then in a file without a name, which is gone when its
 * process is. So a slow upload holds no backend, and a body can be sent again.
 *
 * All bodies of the node share a quota, counted in GAUGE_SPOOL_BYTES of every worker: the board
 * takes back what a dead one held. Those of a worker share its room in memory: the less of it is
 * left, the sooner each goes to its file. Files are written and read in libuv's threads; while that
 * lasts the caller waits. What has been written can be read before the rest has come. */
#ifndef PIPELINE_SPOOL_H
#define PIPELINE_SPOOL_H

#include "common/buf.h"
#include "config/config.h"
#include "net/loop.h"
#include "observe/board.h"

enum spool_result {
    SPOOL_OK,
    SPOOL_WAIT,   /* on_ready follows, in an event of its own */
    SPOOL_END,    /* read: that was all */
    SPOOL_FULL,   /* the quota, or the disk; in memory alone, that */
    SPOOL_FAILED, /* the disk does not do what it is told */
};

struct spool_job;

/* What the spools of a worker have in common. */
struct spool_room {
    struct loop *loop;     /* borrowed */
    struct board *board;   /* borrowed */
    uint32_t slot;         /* of this worker on it */
    uint64_t memory_bytes; /* that they hold */
    uint64_t complained_ms;
};

struct spool {
    struct spool_room *room;    /* borrowed */
    struct config_spool config; /* its folder is borrowed */
    void (*on_ready)(struct spool *s);
    int fd;                  /* owned; -1 while all is in memory */
    uint64_t bytes;          /* of the body */
    uint64_t file_bytes;     /* of them in the file, from the front */
    uint64_t reserved_bytes; /* of the quota */
    uint64_t counted_bytes;  /* of the room */
    uint64_t file_max;       /* a longer body stays in memory */
    uint64_t read_at;
    struct buf memory; /* the rest of the body */
    struct buf block;  /* read from the file */
    bool block_ready;
    struct spool_job *job;     /* under way */
    enum spool_result trouble; /* of the last write; OK: none */
    bool unreadable;
};

void spool_init(struct spool *s, struct spool_room *room, const struct config_spool *config,
                uint64_t file_max, void (*on_ready)(struct spool *s));
/* Waits for nothing. */
void spool_fini(struct spool *s);

/* Takes all of `piece`, or fails. WAIT: taken, but no more than the rest of this event's until
 * on_ready, after which the next call tells whether it went well. */
enum spool_result spool_write(struct spool *s, struct slice piece) MUST_CHECK;
/* The same for what has come already and cannot be refused. FULL: taken, but no more until all has
 * been read. A disk that fails makes it go on in memory. */
enum spool_result spool_push(struct spool *s, struct slice piece) MUST_CHECK;

/* All has been read: as if nothing had come yet. */
void spool_reset(struct spool *s);

/* From the start; also in the middle of a reading. */
void spool_rewind(struct spool *s);
/* The next piece, which lives until the next call. WAIT: call again at on_ready. */
enum spool_result spool_read(struct spool *s, struct slice *piece) MUST_CHECK;

#endif
