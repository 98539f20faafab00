/* Everything that a process needs to know of the configuration, in one sealed memory file.
 *
 * The supervisor reads the YAML file and every file that it names (certificates, keys, OCSP
 * answers), with the privileges to do so, into a bundle. Workers and the keeper, which may not
 * open those files, get the bundle as a descriptor and load the configuration from it with the
 * same loader: there is one format, and it is the operators' own.
 *
 * A bundle made by bundle_new() fetches from disk what it does not hold yet; one opened from a
 * descriptor has what it has. */
#ifndef CONFIG_BUNDLE_H
#define CONFIG_BUNDLE_H

#include "common/err.h"
#include "common/slice.h"

#define BUNDLE_FILE_BYTES_MAX (16u * 1024 * 1024)

struct bundle;

struct bundle *bundle_new(void);
/* Maps a sealed bundle; takes over `fd`, closing it on failure too. NULL on failure. */
struct bundle *bundle_open(int fd, struct err *e);
/* NULL-safe; *b is NULL after. Keys are wiped from memory that is ours. */
void bundle_free(struct bundle **b);

/* Whether it came from a descriptor: somebody else has read, and judged, the files. */
bool bundle_is_sealed(const struct bundle *b);

/* What `path` held when it was first fetched, terminated. The data lives as long as the bundle.
 * Only regular files up to BUNDLE_FILE_BYTES_MAX are read. */
int bundle_fetch(struct bundle *b, const char *path, struct slice *data, struct err *e) MUST_CHECK;
/* Reads `path` from disk again. *changed tells whether it differs; a file that cannot be read
 * leaves the bundle as it was. Data fetched before stays valid until bundle_free(). */
int bundle_refresh(struct bundle *b, const char *path, bool *changed, struct err *e) MUST_CHECK;
/* Puts a copy of `data` under `path`, as if it had been read from there. */
void bundle_add(struct bundle *b, const char *path, struct slice data);

/* A new sealed memory file with all that was fetched (memfd, F_SEAL_WRITE|GROW|SHRINK|SEAL); the
 * caller closes it. Negative ERR_* on failure. */
int bundle_seal(const struct bundle *b, struct err *e) MUST_CHECK;

#endif
