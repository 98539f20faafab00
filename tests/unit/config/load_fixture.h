/* Configurations of a few lines, loaded from memory, and what is said about them. */
#ifndef UNIT_CONFIG_LOAD_FIXTURE_H
#define UNIT_CONFIG_LOAD_FIXTURE_H

#include "config/load.h"
#include "fakes/certificate_pair.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* One line each, so that a test knows the line of what it adds. */
#define LISTENERS "listeners: [ { address: 127.0.0.1:8080 } ]\n"
#define UPSTREAMS "upstreams: [ { name: portal, peers: [ { address: 127.0.0.1:9001 } ] } ]\n"
#define ROUTES "routes: [ { upstream: portal } ]\n"

struct load_fixture {
    struct bundle *bundle;
    struct diagnostics d;
    struct config *config;
};

/* Beside the YAML there are the files portal.crt, portal.key and other.key. */
static inline void load_fixture_init(struct load_fixture *f)
{
    struct certificate_pair portal, other;
    certificate_pair_make(&portal, "dichvucong.gov.vn");
    certificate_pair_make(&other, "khac.gov.vn");
    f->bundle = bundle_new();
    bundle_add(f->bundle, "portal.crt", slice_str(portal.cert));
    bundle_add(f->bundle, "portal.key", slice_str(portal.key));
    bundle_add(f->bundle, "other.key", slice_str(other.key));
    diagnostics_init(&f->d);
    f->config = NULL;
}

static inline void load_fixture_fini(struct load_fixture *f)
{
    config_free(&f->config);
    diagnostics_fini(&f->d);
    bundle_free(&f->bundle);
}

static inline void load_fixture_load(struct load_fixture *f, const char *yaml)
{
    bundle_add(f->bundle, "t.yaml", slice_str(yaml));
    f->config = config_load(f->bundle, "t.yaml", &f->d);
}

/* Loads what must be good; the caller calls load_fixture_fini(). */
static inline struct config *load_good(struct load_fixture *f, const char *yaml)
{
    load_fixture_init(f);
    load_fixture_load(f, yaml);
    buf_append_char(&f->d.text, '\0');
    assert_string_equal(f->d.text.data, "");
    assert_non_null(f->config);
    return f->config;
}

/* The complete output, each line without its leading "t.yaml:". */
static inline void expect_problems(const char *yaml, const char *expected)
{
    struct load_fixture f;
    struct buf got;
    load_fixture_init(&f);
    load_fixture_load(&f, yaml);
    buf_init(&got, 65536);
    struct slice rest = buf_slice(&f.d.text);
    while (rest.len > 0) {
        size_t end = slice_find(rest, '\n');
        struct slice line = slice_of(rest.data, end);
        assert_true(end < rest.len);
        if (slice_starts_with(line, SLICE("t.yaml:")))
            line = slice_from(line, 7);
        buf_append_slice(&got, line);
        buf_append_char(&got, '\n');
        rest = slice_from(rest, end + 1);
    }
    buf_append_char(&got, '\0');
    assert_string_equal(got.data, expected);
    assert_null(f.config);
    assert_true(f.d.count > 0);
    buf_fini(&got);
    load_fixture_fini(&f);
}

#endif
