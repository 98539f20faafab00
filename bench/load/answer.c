#include "bench/load/answer.h"

#include "bench/load/cookies.h"

#define FINE RESULTS_ERROR_COUNT

void answer_reset(struct answer *a, char **cookies)
{
    a->status = 0;
    a->began = a->hashing = a->invites = false;
    a->receipt[0] = a->sha256[0] = '\0';
    a->cookies = cookies;
    a->body_bytes = 0;
    a->start_len = 0;
}

void answer_fini(struct answer *a)
{
    EVP_MD_CTX_free(a->digest);
    a->digest = NULL;
}

void answer_status(struct answer *a, unsigned status)
{
    a->status = status;
    a->began = true;
}

/* A value that does not fit is none. */
static void keep(char *out, size_t size, struct slice value)
{
    size_t len = value.len < size ? value.len : 0;
    memcpy(out, value.data, len);
    out[len] = '\0';
}

static void begin_hashing(struct answer *a)
{
    if (!a->digest)
        a->digest = EVP_MD_CTX_new();
    EVP_DigestInit_ex(a->digest, EVP_sha256(), NULL);
    a->hashing = true;
}

void answer_header(struct answer *a, struct slice name, struct slice value)
{
    if (slice_eq_nocase(name, SLICE("set-cookie")) && a->cookies)
        cookies_set(a->cookies, value);
    else if (slice_eq_nocase(name, SLICE("x-receipt")))
        keep(a->receipt, sizeof(a->receipt), value);
    else if (slice_eq_nocase(name, SLICE("retry-after")))
        a->invites = true;
    else if (slice_eq_nocase(name, SLICE("x-sha256")))
        keep(a->sha256, sizeof(a->sha256), value);
}

void answer_body(struct answer *a, struct slice bytes)
{
    size_t copied = MIN(bytes.len, sizeof(a->start) - a->start_len);
    memcpy(a->start + a->start_len, bytes.data, copied);
    a->start_len += copied;
    if (a->sha256[0] && !a->hashing)
        begin_hashing(a);
    if (a->hashing)
        EVP_DigestUpdate(a->digest, bytes.data, bytes.len);
    a->body_bytes += bytes.len;
}

/* {"sha256":"..."} of what the server received. */
static bool confirms(const struct answer *a, const struct request *r)
{
    static const char key[] = "\"sha256\":\"";
    const size_t key_len = sizeof(key) - 1;
    const char *at = memmem(a->start, a->start_len, key, key_len);
    if (!at || (size_t)(a->start + a->start_len - at) < key_len + NODE_DIGEST_LEN)
        return false;
    return memcmp(at + key_len, r->digest.hex, NODE_DIGEST_LEN) == 0;
}

static bool is_what_it_says(struct answer *a)
{
    struct node_digest digest;
    if (!a->hashing)
        return true;
    node_digest_finish(&digest, a->digest);
    return strcmp(digest.hex, a->sha256) == 0;
}

/* Accepted, or in conflict with an attempt that is over: somebody has to look after it. */
static bool is_doubtful(const struct answer *a, const struct request *r)
{
    return request_files(r) && (a->status == 202 || (a->status == 409 && !a->invites));
}

static enum results_error judge_status(const struct answer *a, const struct request *r)
{
    if (is_doubtful(a, r))
        return RESULTS_ERROR_DOUBT;
    if (a->status >= 500 && a->status <= 599)
        return RESULTS_ERROR_STATUS_5XX;
    if (a->status >= 400 && a->status <= 499)
        return RESULTS_ERROR_STATUS_4XX;
    return a->status == (request_files(r) ? 201 : 200) ? FINE : RESULTS_ERROR_INVALID;
}

bool answer_may_change(const struct answer *a, enum results_error error)
{
    switch (error) {
    case RESULTS_ERROR_CONNECT:
    case RESULTS_ERROR_HANDSHAKE:
    case RESULTS_ERROR_CLOSED:
    case RESULTS_ERROR_CUT:
    case RESULTS_ERROR_TIMEOUT:
    case RESULTS_ERROR_STATUS_5XX:
        return true;
    case RESULTS_ERROR_STATUS_4XX:
        return a->status == 409 || a->status == 429;
    default:
        return false;
    }
}

enum results_error answer_judge(struct answer *a, const struct request *r)
{
    enum results_error error = judge_status(a, r);
    bool is_confirmed = request_files(r) || r->step == STEP_UPLOAD;
    if (error != FINE)
        return error;
    if (a->body_bytes == 0 || (request_files(r) && !a->receipt[0]))
        return RESULTS_ERROR_INVALID;
    if (!is_what_it_says(a) || (is_confirmed && !confirms(a, r)))
        return RESULTS_ERROR_CHECKSUM;
    return FINE;
}
