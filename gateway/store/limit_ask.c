#include "store/limit_ask.h"

#include "common/clock.h"
#include "common/mem.h"
#include "store/redis_reply.h"

#include <stdio.h>

/* More at once are not worth their memory: requests then ask for themselves. */
#define FETCHES_MAX 64

/* Microseconds, in which a double counts exactly for some 285 years. What was let through ahead of
 * asking is entered even where there is no room for it, but not beyond an empty bucket. */
static const char script_text[] =
    "local interval, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2])\n"
    "local want, untold = tonumber(ARGV[3]), tonumber(ARGV[4])\n"
    "local time = redis.call('TIME')\n"
    "local now = time[1] * 1000000 + time[2]\n"
    "local tat = tonumber(redis.call('GET', KEYS[1]) or now)\n"
    "local used = math.min(math.max(tat - now, 0) + untold * interval, tolerance)\n"
    "local room = math.floor((tolerance - used) / interval + 0.000001)\n"
    "local granted = math.min(want, room)\n"
    "used = used + granted * interval\n"
    "if granted + untold > 0 then\n"
    "  redis.call('SET', KEYS[1], string.format('%.0f', now + used),\n"
    "             'PX', string.format('%.0f', math.ceil(used / 1000) + 1))\n"
    "end\n"
    "return {granted, math.ceil(used)}\n";

#define NUMBER_BYTES 24
#define KEY_BYTES 128

/* Nanoseconds as microseconds with their fraction. */
static struct slice print_us(char out[NUMBER_BYTES], uint64_t ns)
{
    int len = snprintf(out, NUMBER_BYTES, "%llu.%03u", (unsigned long long)(ns / 1000),
                       (unsigned)(ns % 1000));
    return slice_of(out, (size_t)len);
}

static struct slice print_count(char out[NUMBER_BYTES], uint32_t count)
{
    return slice_of(out, (size_t)snprintf(out, NUMBER_BYTES, "%u", count));
}

int limit_ask_put(struct store *s, struct redis_call *call, const struct limit_ask *ask)
{
    char key[KEY_BYTES], numbers[4][NUMBER_BYTES];
    int len = snprintf(key, sizeof(key), "cong:{rl%02x}:%s:%016llx%016llx",
                       (unsigned)(ask->place.low & 0xff), ask->name,
                       (unsigned long long)ask->place.high, (unsigned long long)ask->place.low);
    struct slice keys[] = { slice_of(key, (size_t)len) };
    struct slice args[] = {
        print_us(numbers[0], ask->whole->interval_ns),
        print_us(numbers[1], ask->whole->tolerance_ns),
        print_count(numbers[2], ask->question.want),
        print_count(numbers[3], ask->question.untold),
    };
    static struct redis_script script = { .text = script_text };
    metrics_add(s->metrics, COUNTER_RATE_LIMIT_ASKS, 1);
    return redis_client_script(s->redis, call, &script, keys, ARRAY_LEN(keys), args,
                               ARRAY_LEN(args), s->config->store.redis->command_timeout_ms);
}

bool limit_ask_read(enum redis_outcome outcome, const struct redisReply *reply,
                    const struct limit_ask *ask, struct limit_answer *answer)
{
    int64_t granted, used_us;
    if (outcome != REDIS_ANSWERED || !redis_reply_integer(redis_reply_at(reply, 0), &granted) ||
        !redis_reply_integer(redis_reply_at(reply, 1), &used_us))
        return false;
    if (granted < 0 || granted > ask->question.want || used_us < 0 || used_us > INT64_MAX / 1000)
        return false;
    answer->granted = (uint32_t)granted;
    answer->shared_ns = MIN((uint64_t)used_us * 1000, ask->whole->tolerance_ns);
    return true;
}

/* ---- leases ---- */

struct fetch {
    struct list node; /* in limit_fetches.idle, or in no list */
    struct limit_fetches *owner;
    struct redis_call call;
    struct limit_lease lease;
    struct limit_ask ask; /* without a name, which may not live as long */
};

struct limit_fetches {
    struct store *store; /* borrowed */
    struct list idle;
    struct fetch all[FETCHES_MAX];
};

static void settle(struct limit_fetches *f, const struct limit_lease *lease,
                   const struct limit_ask *ask, const struct limit_answer *answer)
{
    struct shm_table *t = f->store->tables[STORE_LIMITS];
    uint64_t now_ns = f->store->loop->now_us * 1000;
    if (shm_table_lock(t, ask->place))
        return; /* it looks again by itself, when the answer does not come */
    struct limit_record *r = shm_table_find(t, ask->place, clock_wall_ms());
    if (r) {
        shm_table_edit(t, r);
        if (answer) {
            r->shared_tat_ns = now_ns + answer->shared_ns;
            limit_lease_granted(lease, r, now_ns, &ask->question, answer->granted);
        } else {
            limit_lease_failed(r, &ask->question);
        }
    }
    shm_table_unlock(t, ask->place);
}

static void on_outcome(struct redis_call *call, enum redis_outcome outcome,
                       const struct redisReply *reply)
{
    struct fetch *fetch = CONTAINER_OF(call, struct fetch, call);
    struct limit_answer answer;
    bool answered = limit_ask_read(outcome, reply, &fetch->ask, &answer);
    settle(fetch->owner, &fetch->lease, &fetch->ask, answered ? &answer : NULL);
    list_push_back(&fetch->owner->idle, &fetch->node);
}

struct limit_fetches *limit_fetches_new(struct store *s)
{
    struct limit_fetches *f = mem_new(sizeof(*f));
    f->store = s;
    list_init(&f->idle);
    for (size_t i = 0; i < FETCHES_MAX; i++) {
        struct fetch *fetch = &f->all[i];
        fetch->owner = f;
        fetch->call.on_outcome = on_outcome;
        list_push_back(&f->idle, &fetch->node);
    }
    return f;
}

void limit_fetches_free(struct limit_fetches **f)
{
    if (!*f)
        return;
    for (size_t i = 0; i < FETCHES_MAX; i++)
        redis_call_cancel(&(*f)->all[i].call);
    mem_free(*f);
    *f = NULL;
}

void limit_fetch(struct limit_fetches *f, const struct limit_lease *lease, const char *name,
                 struct siphash place, struct limit_lease_ask question)
{
    struct limit_ask ask = { &lease->whole, name, place, question };
    if (list_is_empty(&f->idle)) {
        settle(f, lease, &ask, NULL);
        return;
    }
    struct fetch *fetch = CONTAINER_OF(f->idle.next, struct fetch, node);
    fetch->lease = *lease;
    fetch->ask = (struct limit_ask){ &fetch->lease.whole, NULL, place, question };
    if (limit_ask_put(f->store, &fetch->call, &ask))
        settle(f, lease, &ask, NULL);
    else
        list_remove(&fetch->node);
}
