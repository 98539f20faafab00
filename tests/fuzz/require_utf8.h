/* UTF-8, judged by code points, as one would do it from the table of RFC 3629 3. */
#ifndef FUZZ_REQUIRE_UTF8_H
#define FUZZ_REQUIRE_UTF8_H

#include <stdlib.h>

#define UTF8_REQUIRE(condition) ((condition) ? (void)0 : abort())

/* Aborts when the text is no UTF-8, or has controls. */
static inline void require_utf8(const unsigned char *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        unsigned char c = text[i++];
        unsigned more = c < 0x80 ? 0 : (c & 0xe0) == 0xc0 ? 1 : (c & 0xf0) == 0xe0 ? 2 : 3;
        unsigned long point = more == 0 ? c : c & (0x3fu >> more);
        UTF8_REQUIRE(more < 3 || (c & 0xf8) == 0xf0);
        UTF8_REQUIRE(c < 0x80 || (c & 0xc0) == 0xc0);
        for (unsigned k = 0; k < more; k++, i++) {
            UTF8_REQUIRE(i < len && (text[i] & 0xc0) == 0x80);
            point = point << 6 | (text[i] & 0x3f);
        }
        static const unsigned long least[] = { 0x20, 0x80, 0x800, 0x10000 };
        UTF8_REQUIRE(point >= least[more] && point != 0x7f && point <= 0x10ffff);
        UTF8_REQUIRE(point < 0xd800 || point > 0xdfff);
    }
}

#endif
