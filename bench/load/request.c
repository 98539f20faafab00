#include "bench/load/request.h"

#include <stdio.h>

#define CATALOGUE_PAGES 40
#define DOSSIER_SHEET_BYTES 16384 /* what a person who tracks a dossier is shown */

static const char browser[] = "Mozilla/5.0 (Linux; Android 14; K) AppleWebKit/537.36 "
                              "(KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36";
static const char desktop[] = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 "
                              "(KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36";
static const char app[] = "DichVuCong/2.4 (Android 14)";

static const char *const agents[USER_KINDS] = {
    [USER_CITIZEN] = browser,  [USER_FOLLOW_UP] = browser, [USER_COUNTER] = desktop,
    [USER_OFFICIAL] = desktop, [USER_APP] = app,           [USER_UPLOADER] = browser,
};

static const char pages[] = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
static const char data[] = "application/json";
static const char form[] = "application/x-www-form-urlencoded";
static const char binary[] = "application/octet-stream";

/* What is the same for everybody; a target that is not is made below. */
static const struct step {
    const char *method, *target, *accept, *content_type;
} steps[STEP_COUNT] = {
    [STEP_HOME] = { "GET", "/", pages, NULL },
    [STEP_CATALOGUE] = { "GET", NULL, pages, NULL },
    [STEP_PROCEDURE] = { "GET", NULL, pages, NULL },
    [STEP_LOGIN] = { "POST", NULL, pages, form },
    [STEP_AUTOFILL] = { "GET", "/dan-cu/ho-so", data, NULL },
    [STEP_UPLOAD] = { "PUT", "/upload", data, binary },
    [STEP_SUBMIT] = { "POST", "/dossiers", data, data },
    [STEP_TRACK] = { "GET", NULL, pages, NULL },
    [STEP_INBOX] = { "GET", "/hop-thu?chunked=1", pages, NULL },
    [STEP_DECIDE] = { "POST", "/dossiers", data, data },
    [STEP_QUEUE_NUMBER] = { "GET", "/lay-so", data, NULL },
    [STEP_PROBE] = { "GET", "/thu-tuc/1", pages, NULL },
};

/* What the node is to answer with: a session of the gateway's, or a cookie of its own. */
static void make_login_target(const struct request_person *p, char *out, size_t size)
{
    unsigned long long session = p->session;
    if (p->signs_in)
        snprintf(out, size, "/dang-nhap?header=X-Cong-Session:%%20create;%%20uid=%llu;%%20level=1",
                 session % 1000000000000u);
    else
        snprintf(out, size,
                 "/dang-nhap?header=Set-Cookie:%%20phien=%016llx;%%20Path=/;%%20HttpOnly", session);
}

static void make_target(struct request *r, const struct request_person *p, struct random *random)
{
    size_t len = 0;
    if (p->province)
        len = (size_t)snprintf(r->target, sizeof(r->target), "/tinh/%s", p->province);
    char *out = r->target + len;
    size_t size = sizeof(r->target) - len;
    switch (r->step) {
    case STEP_CATALOGUE:
        snprintf(out, size, "/danh-muc/%u", random_below(random, CATALOGUE_PAGES) + 1);
        break;
    case STEP_PROCEDURE:
        snprintf(out, size, "/thu-tuc/%u", p->procedure + 1);
        break;
    case STEP_LOGIN:
        make_login_target(p, out, size);
        break;
    case STEP_TRACK:
        snprintf(out, size, "/download?bytes=%u&ma=%s", DOSSIER_SHEET_BYTES, p->receipt);
        break;
    default:
        snprintf(out, size, "%s", steps[r->step].target);
        break;
    }
}

static void set_text(struct request *r, int len)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_DigestInit_ex(context, EVP_sha256(), NULL);
    EVP_DigestUpdate(context, r->text, (size_t)len);
    node_digest_finish(&r->digest, context);
    EVP_MD_CTX_free(context);
    r->body_bytes = (uint64_t)len;
}

static void make_login(struct request *r, const struct request_person *p)
{
    set_text(r, snprintf(r->text, sizeof(r->text),
                         "so-dinh-danh=%012llu&ma-xac-thuc=482913&tiep-tuc=%%2Fthu-tuc%%2F%u",
                         (unsigned long long)(p->session % 1000000000000u), p->procedure + 1));
}

static void make_dossier(struct request *r, const struct request_person *p)
{
    const char *what = r->step == STEP_DECIDE ? "quyết định" : "nộp hồ sơ";
    snprintf(r->key, sizeof(r->key), "%s", p->key);
    set_text(
        r,
        snprintf(r->text, sizeof(r->text),
                 "{\"việc\":\"%s\",\"khóa\":\"%s\",\"thủ-tục\":%u,\"họ-tên\":\"Nguyễn Thị An\","
                 "\"ngày-sinh\":\"1984-06-02\",\"nơi-ở\":\"Số 12, tổ 3, phường Hồng Hà, Hà Nội\","
                 "\"điện-thoại\":\"0900000000\",\"nội-dung\":\"Đề nghị giải quyết theo quy định; "
                 "các giấy tờ kèm theo đã được tải lên, bản chính sẽ được xuất trình khi nhận "
                 "kết quả.\",\"hồ-sơ-trước\":\"%s\"}",
                 what, r->key, p->procedure + 1, p->receipt));
}

static void make_upload(struct request *r, const struct payload *payload, struct random *random)
{
    const struct payload_file *file = payload_draw(payload, random);
    r->payload = payload;
    r->body_bytes = file->bytes;
    r->digest = file->digest;
}

void request_make(struct request *r, enum scenario_step step, const struct request_person *person,
                  const struct payload *payload, struct random *random)
{
    r->step = step;
    r->method = steps[step].method;
    r->accept = steps[step].accept;
    r->content_type = steps[step].content_type;
    r->agent = agents[person->kind];
    r->cookies = person->cookies;
    r->key[0] = '\0';
    r->payload = NULL;
    r->body_bytes = r->sent_bytes = r->allowed_bytes = 0;
    make_target(r, person, random);
    if (step == STEP_LOGIN)
        make_login(r, person);
    else if (step == STEP_SUBMIT || step == STEP_DECIDE)
        make_dossier(r, person);
    else if (step == STEP_UPLOAD)
        make_upload(r, payload, random);
}

size_t request_fields(const struct request *r, struct request_field fields[REQUEST_FIELDS_MAX],
                      char digits[20])
{
    size_t n = 0;
    fields[n++] = (struct request_field){ SLICE("user-agent"), slice_str(r->agent) };
    fields[n++] = (struct request_field){ SLICE("accept"), slice_str(r->accept) };
    fields[n++] =
        (struct request_field){ SLICE("accept-language"), SLICE("vi-VN,vi;q=0.9,en;q=0.8") };
    fields[n++] = (struct request_field){ SLICE("sec-fetch-site"), SLICE("same-origin") };
    fields[n++] = (struct request_field){ SLICE("sec-fetch-mode"), SLICE("navigate") };
    if (r->cookies)
        fields[n++] = (struct request_field){ SLICE("cookie"), slice_str(r->cookies) };
    if (request_files(r))
        fields[n++] = (struct request_field){ SLICE("idempotency-key"), slice_str(r->key) };
    if (!r->content_type)
        return n;
    fields[n++] = (struct request_field){ SLICE("content-type"), slice_str(r->content_type) };
    fields[n++] = (struct request_field){ SLICE("content-length"),
                                          slice_of(digits, format_u64(digits, r->body_bytes)) };
    return n;
}

void request_rewind(struct request *r, const char *cookies)
{
    r->cookies = cookies;
    r->sent_bytes = r->allowed_bytes = 0;
}

struct slice request_next_piece(struct request *r, size_t max)
{
    uint64_t until = MIN(r->allowed_bytes, r->body_bytes);
    uint64_t left = MIN(until - r->sent_bytes, max);
    struct slice piece = r->payload ? payload_piece(r->payload, r->sent_bytes, left)
                                    : slice_of(r->text + r->sent_bytes, (size_t)left);
    r->sent_bytes += piece.len;
    return piece;
}
