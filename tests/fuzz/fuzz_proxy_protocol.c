/* One byte at a time gives what one read gives, and no header is longer than its version allows.
 * The address that was read, written as a header of either version, is read as the same. */
#include "net/proxy_protocol.h"

#include <stdlib.h>

#define REQUIRE(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_written(const struct address *source, int version)
{
    static const struct address here = { .ip = { 10, 0, 0, 1 }, .port = 443, .family = AF_INET };
    char header[PROXY_PROTOCOL_LINE_MAX];
    struct proxy_protocol again;
    size_t used, len = proxy_protocol_write(header, version, source, &here);
    if (source->family == AF_UNSPEC)
        return;
    REQUIRE(len <= PROXY_PROTOCOL_LINE_MAX);
    proxy_protocol_init(&again);
    REQUIRE(proxy_protocol_feed(&again, slice_of(header, len), &used) == PROXY_PROTOCOL_DONE);
    REQUIRE(used == len && again.source.family == source->family);
    REQUIRE(again.source.port == source->port);
    REQUIRE(memcmp(again.source.ip, source->ip, sizeof(source->ip)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct proxy_protocol whole, pieces;
    enum proxy_protocol_result result, piece = PROXY_PROTOCOL_NEED_MORE;
    size_t used, taken, at = 0;
    proxy_protocol_init(&whole);
    result = proxy_protocol_feed(&whole, slice_of((const char *)data, size), &used);
    proxy_protocol_init(&pieces);
    while (at < size && piece == PROXY_PROTOCOL_NEED_MORE) {
        piece = proxy_protocol_feed(&pieces, slice_of((const char *)data + at, 1), &taken);
        at += taken;
    }
    REQUIRE(result == piece && used == at);
    REQUIRE(used <=
            (size > 0 && data[0] == 'P' ? PROXY_PROTOCOL_LINE_MAX : PROXY_PROTOCOL_BYTES_MAX));
    if (result == PROXY_PROTOCOL_DONE) {
        REQUIRE(whole.source.family == pieces.source.family);
        REQUIRE(whole.source.port == pieces.source.port);
        REQUIRE(memcmp(whole.source.ip, pieces.source.ip, sizeof(whole.source.ip)) == 0);
        check_written(&whole.source, 1);
        check_written(&whole.source, 2);
    }
    return 0;
}
