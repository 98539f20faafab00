#include "process/affected_command.h"

#include "common/clock.h"
#include "common/json.h"
#include "config/load.h"
#include "store/affected_list.h"
#include "store/submission_name.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXT_BYTES_MAX (64 * 1024) /* between two writes */

struct output {
    struct buf text;
    struct json json;
    size_t entries;
};

static const char *state_of(const struct affected_entry *e)
{
    switch (e->state) {
    case SUBMISSION_ANSWERED:
        return "answered";
    case SUBMISSION_IN_DOUBT:
        return "in_doubt";
    default:
        return "dispatched";
    }
}

static const char *found_of(const struct affected_entry *e)
{
    return e->sent_again ? "sent_again" : "put_back";
}

static const char *backend_of(const struct affected_entry *e)
{
    return e->can_be_asked ? "lookup" : "none";
}

static void flush(struct output *o)
{
    fwrite(o->text.data, 1, o->text.len, stdout);
    buf_clear(&o->text);
}

/* ---- for people ---- */

/* A terminal is not to obey what a file says. */
static void append_name(struct buf *out, const char *name)
{
    for (const char *c = name; *c; c++)
        buf_append_char(out, isprint((unsigned char)*c) ? *c : '?');
    buf_append_char(out, ' ');
}

static void print_entry(void *user, const struct affected_entry *e)
{
    struct output *o = user;
    char sent[CLOCK_ISO_LEN + 1], lost[CLOCK_ISO_LEN + 1], id[SUBMISSION_ID_LEN];
    clock_format_iso(sent, e->sent_ms);
    clock_format_iso(lost, e->lost_ms);
    submission_id_of(e->key, id);
    if (o->entries++ == 0)
        buf_printf(&o->text, "%-24s %-24s %-14s %-10s %6s %-10s %-7s %s\n", "sent", "found",
                   "reference", "state", "status", "record", "backend", "route upstream key");
    buf_printf(&o->text, "%s %s ", sent, lost);
    append_name(&o->text, e->reference);
    buf_printf(&o->text, "%-10s %6u %-10s %-7s ", state_of(e), e->status, found_of(e),
               backend_of(e));
    append_name(&o->text, e->route);
    append_name(&o->text, e->upstream);
    buf_printf(&o->text, "%.*s\n", SUBMISSION_ID_LEN, id);
    flush(o);
}

static void print_end(struct output *o, const struct affected_head *head)
{
    if (o->entries == 0)
        buf_append_str(&o->text, "no submission is listed\n");
    if (head->unlisted)
        buf_printf(&o->text, "the list is full: %llu more are not in it\n",
                   (unsigned long long)head->unlisted);
    if (head->unknown)
        buf_printf(&o->text,
                   "%llu that were sent earlier had been forgotten by the node, and were not "
                   "looked at\n",
                   (unsigned long long)head->unknown);
    flush(o);
}

/* ---- for machines ---- */

static void write_entry(void *user, const struct affected_entry *e)
{
    struct output *o = user;
    struct json *j = &o->json;
    char time[CLOCK_ISO_LEN + 1], id[SUBMISSION_ID_LEN];
    json_object(j, NULL);
    clock_format_iso(time, e->sent_ms);
    json_string(j, "sent", slice_str(time));
    clock_format_iso(time, e->lost_ms);
    json_string(j, "found", slice_str(time));
    json_string(j, "reference", slice_str(e->reference));
    json_string(j, "route", slice_str(e->route));
    json_string(j, "upstream", slice_str(e->upstream));
    submission_id_of(e->key, id);
    json_string(j, "key", slice_of(id, sizeof(id)));
    json_u64(j, "fence", e->fence);
    json_string(j, "backend", slice_str(backend_of(e)));
    json_string(j, "state", slice_str(state_of(e)));
    json_u64(j, "status", e->status);
    json_string(j, "record", slice_str(found_of(e)));
    json_end_object(j);
    flush(o);
}

static int list(const char *dir, bool json, struct output *o, struct affected_head *head,
                struct err *e)
{
    if (!json)
        return affected_list_read(dir, head, print_entry, o, e);
    json_init(&o->json, &o->text);
    json_object(&o->json, NULL);
    json_array(&o->json, "submissions");
    int rc = affected_list_read(dir, head, write_entry, o, e);
    json_end_array(&o->json);
    json_u64(&o->json, "unlisted", head->unlisted);
    json_u64(&o->json, "unknown", head->unknown);
    json_end_object(&o->json);
    buf_append_char(&o->text, '\n');
    return rc;
}

static int run(const struct config *config, bool json)
{
    struct affected_head head;
    struct output o = { 0 };
    struct err e;
    buf_init(&o.text, TEXT_BYTES_MAX);
    int rc = list(config->store.journal_dir, json, &o, &head, &e);
    if (rc < 0)
        fprintf(stderr, "cong: %s\n", e.text);
    else if (json)
        flush(&o);
    else
        print_end(&o, &head);
    buf_fini(&o.text);
    return rc < 0 || fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int affected_command_run(const char *config_path, bool json)
{
    struct diagnostics diagnostics;
    struct bundle *bundle = bundle_new();
    int status = EXIT_FAILURE;
    diagnostics_init(&diagnostics);
    struct config *config = config_load(bundle, config_path, &diagnostics);
    if (config)
        status = run(config, json);
    else
        fprintf(stderr, "%.*s", SLICE_ARG(buf_slice(&diagnostics.text)));
    config_free(&config);
    diagnostics_fini(&diagnostics);
    bundle_free(&bundle);
    return status;
}
