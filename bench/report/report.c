#include "bench/report/report.h"

#include "bench/measure/result_sums.h"
#include "bench/report/export.h"
#include "bench/report/html.h"
#include "bench/report/result_write.h"
#include "common/mem.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#define FILE_MAX_BYTES (64U << 20)

static int save(const struct buf *text, const char *dir, const char *name, struct err *e)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    if (!buf_ok(text))
        return err_set(e, ERR_LIMIT, "%s would grow too large", path);
    FILE *file = fopen(path, "we");
    if (!file)
        return err_system(e, "cannot write %s", path);
    size_t written = fwrite(text->data, 1, text->len, file);
    if (fclose(file) != 0 || written != text->len)
        return err_system(e, "cannot write %s", path);
    return 0;
}

typedef void (*report_fn)(const struct result *r, struct buf *out);

static int save_made(const struct result *r, report_fn make, const char *dir, const char *name,
                     struct err *e)
{
    struct buf text;
    buf_init(&text, make == result_write ? RESULT_JSON_MAX_BYTES : FILE_MAX_BYTES);
    make(r, &text);
    int rc = save(&text, dir, name, e);
    buf_fini(&text);
    return rc;
}

static int save_percentiles(const struct hdr *h, const char *dir, const char *name, struct err *e)
{
    struct buf text;
    buf_init(&text, FILE_MAX_BYTES);
    export_percentiles(h, &text);
    int rc = save(&text, dir, name, e);
    buf_fini(&text);
    return rc;
}

static int render_percentiles(const struct result *r, const char *dir, struct err *e)
{
    struct result_clocks *clocks = mem_new(sizeof(*clocks));
    result_clocks(r, -1, -1, clocks);
    int rc = save_percentiles(&clocks->response, dir, "response.hgrm", e);
    if (rc == 0)
        rc = save_percentiles(&clocks->service, dir, "service.hgrm", e);
    mem_free(clocks);
    return rc;
}

int report_render(const struct result *r, const char *dir, struct err *e)
{
    static const struct {
        const char *name;
        report_fn make;
    } files[] = {
        { "report.html", html_write },
        { "seconds.csv", export_csv },
        { "metrics.prom", export_prometheus },
        { "junit.xml", export_junit },
    };
    if (mkdir(dir, 0755) != 0 && errno != EEXIST)
        return err_system(e, "cannot make the folder %s", dir);
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        int rc = save_made(r, files[i].make, dir, files[i].name, e);
        if (rc != 0)
            return rc;
    }
    return render_percentiles(r, dir, e);
}

/* result.json first: whatever fails afterwards can be made again from it. */
int report_write_all(const struct result *r, const char *dir, struct err *e)
{
    if (mkdir(dir, 0755) != 0 && errno != EEXIST)
        return err_system(e, "cannot make the folder %s", dir);
    int rc = save_made(r, result_write, dir, "result.json", e);
    return rc == 0 ? report_render(r, dir, e) : rc;
}
