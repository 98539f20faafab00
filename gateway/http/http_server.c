#include "http/http_server.h"

#include "common/slice.h"

struct slice http_server_date(struct http_server *s)
{
    uint64_t wall_ms = clock_wall_ms();
    if (wall_ms / 1000 != s->date_second) {
        s->date_second = wall_ms / 1000;
        clock_format_http(s->date, wall_ms);
    }
    return slice_of(s->date, CLOCK_HTTP_LEN);
}
