/* One load in progress: what the load_*.c files share. Each reads one part of the file into the
 * tree and reports what is wrong with it; none stops at the first problem. */
#ifndef CONFIG_LOADER_H
#define CONFIG_LOADER_H

#include "config/bundle.h"
#include "config/config.h"
#include "config/section.h"

/* What is done to the headers of a response: first removed, then set. */
struct header_rules {
    struct config_header *add;
    size_t add_count;
    struct slice *remove;
    size_t remove_count;
};

struct loader {
    struct reader *reader;          /* borrowed */
    struct bundle *bundle;          /* borrowed */
    struct config *config;          /* borrowed; filled in from top to bottom */
    struct header_rules all_routes; /* built in and top level, where each route begins */
};

void load_listeners(struct loader *l, struct node list);
void load_admin(struct loader *l, struct node node);
void load_rate_limits(struct loader *l, struct node list);
void load_store(struct loader *l, struct node node);
void load_systems(struct loader *l, struct node list);
void load_resolver(struct loader *l, struct node node);
void load_upstreams(struct loader *l, struct node list);
/* An absent node: no probes. */
void load_health(struct loader *l, struct node node, struct config_upstream *u);
/* An absent node: open. */
void load_maintenance(struct loader *l, struct node node, struct config_upstream *u);
/* Those that a route names; after the rate limits. */
void load_route_limits(struct loader *l, struct node list, struct config_route *route);
/* After the systems. */
void load_route_systems(struct loader *l, struct node list, struct config_route *route);
/* After the rate limits, systems and upstreams, which routes refer to. */
void load_routes(struct loader *l, struct node list);

/* The submission of a route; an absent node: none. */
void load_submission(struct loader *l, struct node node, struct config_route *route);

/* `rules` after what the response_headers at `node` say; an absent node changes nothing. */
void load_headers(struct loader *l, struct node node, const struct section *section,
                  struct header_rules *rules);

/* Fetches file->path, if there is one, into the tree. `node` is where the file names it. */
bool load_contents(struct loader *l, struct node node, struct config_file *file);

/* The same for certificates and for a private key, which are checked. `chain` is what the key
 * belongs to, or NULL when it could not be loaded. */
bool load_chain(struct loader *l, struct node node, struct config_file *file);
bool load_key(struct loader *l, struct node node, const struct config_file *chain,
              struct config_file *file);

/* A name with its place, for load_check_unique(). */
struct load_name {
    const char *text; /* NULL: none was given, or none that is valid */
    struct node node;
};

/* Reports every name that has been used before. Sorts `names`. */
void load_check_unique(struct loader *l, struct load_name *names, size_t count, const char *what);

#endif
