#include "store/journal_entry.h"

#include "common/siphash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION 1u

/* The check is against power cuts, not against people: whoever can write the file can do anything.
 */
static const struct siphash_key check_key = { 0x436f6e67536f3120, 0x4a6f75726e616c31 };

static uint64_t check_of(const struct journal_entry *entry)
{
    size_t from = sizeof(entry->check);
    return siphash_of(check_key, slice_of((const char *)entry + from, sizeof(*entry) - from)).low;
}

void journal_entry_seal(struct journal_entry *entry)
{
    entry->version = VERSION;
    entry->check = check_of(entry);
}

bool journal_entry_is_sound(const struct journal_entry *entry)
{
    return entry->version == VERSION && entry->check == check_of(entry) &&
           entry->state >= JOURNAL_DISPATCHED && entry->state <= JOURNAL_ANSWERED;
}

uint64_t journal_entry_check_answer(struct slice head, struct slice body)
{
    struct siphash_key key = { siphash_of(check_key, head).low, head.len };
    return siphash_of(key, body).low;
}

void journal_entry_log_path(char out[JOURNAL_PATH_MAX], const char *dir, uint64_t segment)
{
    snprintf(out, JOURNAL_PATH_MAX, "%s/%016llx.log", dir, (unsigned long long)segment);
}

void journal_entry_answers_path(char out[JOURNAL_PATH_MAX], const char *dir, uint64_t segment)
{
    snprintf(out, JOURNAL_PATH_MAX, "%s/%016llx.answers", dir, (unsigned long long)segment);
}

uint64_t journal_entry_segment(const char *file_name)
{
    char *end;
    if (strlen(file_name) != 20 || strspn(file_name, "0123456789abcdef") != 16)
        return 0;
    uint64_t segment = strtoull(file_name, &end, 16);
    return strcmp(end, ".log") == 0 ? segment : 0;
}
