/* One byte at a time gives what one read gives, and no header is longer than its version allows. */
#include "net/proxy_protocol.h"

#include <stdlib.h>

#define REQUIRE(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
    }
    return 0;
}
