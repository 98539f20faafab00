/* A configuration file of any bytes gives either a tree or at least one problem, never both; a
 * tree can be walked to its ends. The bundle goes through a descriptor, as it does to a worker. */
#include "config/load.h"
#include "fakes/certificate_pair.h"

#include <stdlib.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct certificate_pair pair;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    certificate_pair_make(&pair, "dichvucong.gov.vn");
    log_set_level(LOG_ERROR);
    return 0;
}

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* Sealed, so that a file name in the input reads nothing from the disk. */
static struct bundle *sealed_bundle(struct slice yaml)
{
    struct bundle *b = bundle_new();
    bundle_add(b, "t.yaml", yaml);
    bundle_add(b, "portal.crt", slice_str(pair.cert));
    bundle_add(b, "portal.key", slice_str(pair.key));
    int fd = bundle_seal(b, NULL);
    check(fd >= 0);
    bundle_free(&b);
    b = bundle_open(fd, NULL);
    check(b != NULL);
    return b;
}

static void check_text(const char *text, size_t len)
{
    check(text && text[len] == '\0');
}

static void check_route(const struct config *c, const struct config_route *route)
{
    check(route->name && route->name[0]);
    check((route->upstream == CONFIG_NONE) == (route->redirect_to.data != NULL));
    check(route->upstream == CONFIG_NONE || route->upstream < c->upstream_count);
    check(route->path.len > 0 && route->path.data[0] == '/');
    for (size_t i = 0; i < route->host_count; i++)
        check_text(route->hosts[i].data, route->hosts[i].len);
    for (size_t i = 0; i < route->method_count; i++)
        check_text(route->methods[i].data, route->methods[i].len);
    for (size_t i = 0; i < route->add_header_count; i++) {
        check_text(route->add_headers[i].name.data, route->add_headers[i].name.len);
        check_text(route->add_headers[i].value.data, route->add_headers[i].value.len);
    }
    for (size_t i = 0; i < route->remove_header_count; i++)
        check_text(route->remove_headers[i].data, route->remove_headers[i].len);
}

static void check_tree(const struct config *c)
{
    check(c->listener_count > 0 && c->route_count > 0);
    for (size_t i = 0; i < c->listener_count; i++) {
        const struct config_listener *l = &c->listeners[i];
        check(l->address.len > 0 && l->address.text);
        for (size_t k = 0; l->tls && k < l->tls->certificate_count; k++)
            check_text(l->tls->certificates[k].key.data.data, l->tls->certificates[k].key.data.len);
    }
    for (size_t i = 0; i < c->upstream_count; i++) {
        check(c->upstreams[i].name && c->upstreams[i].peer_count > 0);
        for (size_t k = 0; k < c->upstreams[i].peer_count; k++)
            check(c->upstreams[i].peers[k].weight > 0 && c->upstreams[i].peers[k].address.len > 0);
    }
    for (size_t i = 0; i < c->route_count; i++)
        check_route(c, &c->routes[i]);
}

/* One line for each problem, and nothing in it that a terminal would obey. */
static void check_problems(const struct diagnostics *d)
{
    size_t lines = 0;
    for (size_t i = 0; i < d->text.len; i++) {
        unsigned char c = (unsigned char)d->text.data[i];
        check(c == '\n' || (c >= 0x20 && c != 0x7f));
        lines += c == '\n';
    }
    check(lines == MIN(d->count, DIAGNOSTICS_SHOWN_MAX) + (d->count > DIAGNOSTICS_SHOWN_MAX));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct diagnostics d;
    struct bundle *b = sealed_bundle(slice_of((const char *)data, size));
    diagnostics_init(&d);
    struct config *c = config_load(b, "t.yaml", &d);
    check((c != NULL) == (d.count == 0));
    check_problems(&d);
    bundle_free(&b);
    if (c)
        check_tree(c);
    config_free(&c);
    diagnostics_fini(&d);
    return 0;
}
