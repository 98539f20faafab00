#include "pipeline/preface.h"

#include "net/proxy_protocol.h"

/* Of a client that has left, while its submission goes on, nobody knows any more. */
static struct address local_address(const struct exchange *ex)
{
    return ex->is_closed ? (struct address){ 0 } : ex->transport->local_address(ex);
}

struct slice preface_of(struct passage *p)
{
    enum config_send_proxy version = p->upstream->config->send_proxy;
    if (version == CONFIG_SEND_PROXY_OFF)
        return (struct slice){ 0 };
    char header[PROXY_PROTOCOL_LINE_MAX];
    struct address here = local_address(p->ex);
    size_t len = proxy_protocol_write(header, version == CONFIG_SEND_PROXY_V1 ? 1 : 2,
                                      &p->ex->client_address, &here);
    return arena_copy(&p->ex->arena, slice_of(header, len));
}
