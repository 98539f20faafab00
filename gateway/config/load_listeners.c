/* listeners and admin. */
#include "common/log.h"
#include "config/certificate_check.h"
#include "config/config_address.h"
#include "config/loader.h"

/* Says which file is wrong: the value in the YAML file may be relative. */
static void file_problem(struct loader *l, struct node node, const struct config_file *file,
                         const struct err *e)
{
    reader_problem(l->reader, node, "cannot use %s: %s", file->path, e->text);
}

static void warn_of_dates(struct loader *l, struct node node, const struct config_file *cert)
{
    struct err e;
    if (!bundle_is_sealed(l->bundle) && certificate_is_out_of_date(cert->data, &e))
        log_write(LOG_WARN, "%s:%zu: %s: %s: %s", l->config->file, reader_line(l->reader, node),
                  node.name, cert->path, e.text);
}

bool load_chain(struct loader *l, struct node node, struct config_file *file)
{
    struct err e;
    if (!load_contents(l, node, file))
        return false;
    if (certificate_check_chain(file->data, &e)) {
        file_problem(l, node, file, &e);
        return false;
    }
    warn_of_dates(l, node, file);
    return true;
}

bool load_key(struct loader *l, struct node node, const struct config_file *chain,
              struct config_file *file)
{
    struct err e;
    if (!load_contents(l, node, file))
        return false;
    if (!chain || certificate_check_key(chain->data, file->data, &e) == 0)
        return true;
    file_problem(l, node, file, &e);
    return false;
}

static void load_certificate(struct loader *l, struct node node, struct config_certificate *c)
{
    struct err e;
    section_read(l->reader, node, &settings_certificate, c);
    struct node cert = reader_get(l->reader, node, "cert");
    struct node key = reader_get(l->reader, node, "key");
    struct node ocsp = reader_get(l->reader, node, "ocsp");
    bool has_chain = load_chain(l, cert, &c->cert);
    load_key(l, key, has_chain ? &c->cert : NULL, &c->key);
    if (load_contents(l, ocsp, &c->ocsp) && certificate_check_ocsp(c->ocsp.data, &e))
        file_problem(l, ocsp, &c->ocsp, &e);
}

static void load_client_auth(struct loader *l, struct node node, struct config_tls *tls)
{
    struct node ca = reader_get(l->reader, node, "client_ca");
    if (ca.id)
        load_chain(l, ca, &tls->client_ca);
    if (!ca.id && tls->client_auth != CONFIG_CLIENT_AUTH_OFF)
        reader_problem(l->reader, reader_get(l->reader, node, "client_auth"),
                       "needs client_ca, the authorities to check certificates against");
    if (ca.id && tls->client_auth == CONFIG_CLIENT_AUTH_OFF)
        reader_problem(l->reader, ca, "has no effect while client_auth is off");
}

static void load_tls(struct loader *l, struct node node, struct config_listener *listener)
{
    struct reader *r = l->reader;
    struct config_tls *tls = reader_alloc(r, 1, sizeof(*tls));
    if (!tls)
        return;
    section_read(r, node, &settings_tls, tls);
    struct node list = section_part(r, node, &settings_tls, "certificates");
    size_t count = reader_count(r, list);
    tls->certificates = reader_alloc(r, count, sizeof(*tls->certificates));
    if (!tls->certificates)
        return;
    tls->certificate_count = count;
    listener->tls = tls; /* from here on config_free() wipes its keys */
    for (size_t i = 0; i < count; i++)
        load_certificate(l, reader_item(r, list, i), &tls->certificates[i]);
    load_client_auth(l, node, tls);
}

static void load_listener(struct loader *l, struct node node, struct config_listener *listener)
{
    struct reader *r = l->reader;
    section_read(r, node, &settings_listener, listener);
    struct node tls = section_part(r, node, &settings_listener, "tls");
    if (tls.id)
        load_tls(l, tls, listener);
    if (tls.id && listener->redirect_https)
        reader_problem(r, reader_get(r, node, "redirect_https"),
                       "a listener with tls has nowhere to redirect to");
    if (listener->proxy_protocol && l->config->trusted_proxy_count == 0)
        reader_problem(r, reader_get(r, node, "proxy_protocol"),
                       "needs trusted_proxies, the only ones whose PROXY header is believed");
}

/* The same address twice would not fail at start: SO_REUSEPORT would split the connections. */
static void check_address_is_free(struct loader *l, const struct config_address *address,
                                  size_t listener_count, struct node node)
{
    struct node list = reader_get(l->reader, reader_root(l->reader), "listeners");
    if (address->len == 0)
        return;
    for (size_t i = 0; i < listener_count; i++) {
        if (!config_address_equal(&l->config->listeners[i].address, address))
            continue;
        reader_problem(l->reader, reader_get(l->reader, node, "address"),
                       "is already listened on by the listener on line %zu",
                       reader_line(l->reader, reader_item(l->reader, list, i)));
        return;
    }
}

void load_listeners(struct loader *l, struct node list)
{
    struct config *c = l->config;
    size_t count = reader_count(l->reader, list);
    c->listeners = reader_alloc(l->reader, count, sizeof(*c->listeners));
    if (!c->listeners)
        return;
    c->listener_count = count;
    for (size_t i = 0; i < count; i++) {
        struct node node = reader_item(l->reader, list, i);
        load_listener(l, node, &c->listeners[i]);
        check_address_is_free(l, &c->listeners[i].address, i, node);
    }
}

void load_admin(struct loader *l, struct node node)
{
    struct config_listener *listener = reader_alloc(l->reader, 1, sizeof(*listener));
    if (!node.id || !listener)
        return;
    section_read(l->reader, node, &settings_admin, listener);
    l->config->admin = &listener->address;
    check_address_is_free(l, &listener->address, l->config->listener_count, node);
}
