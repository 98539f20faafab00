/* A fake_site of HTTP/2, with a client at its other end. */
#ifndef FAKES_FAKE_H2_SITE_H
#define FAKES_FAKE_H2_SITE_H

#include "fakes/fake_site.h"

/* For cmocka_unit_test_setup_teardown(). */
int fake_h2_set_up(void **state);
int fake_h2_tear_down(void **state);

/* Each is an event of the loop, after which bytes go both ways until there are none. */
void fake_h2_answer(struct exchange *ex, const char *body);
void fake_h2_begin_answer(struct exchange *ex);
void fake_h2_send_bytes(struct exchange *ex, size_t bytes);
void fake_h2_end_answer(struct exchange *ex, const struct headers *trailers);

/* It may sleep from now on. */
void fake_h2_let_sleep(void);
/* Its timer fires: it is idle for long enough, or has waited for long enough. */
void fake_h2_expire(void);

/* What has come on a stream; the test fails when there is nothing. */
const struct fake_h2_answer *fake_h2_got(int32_t id);
void fake_h2_assert_status(int32_t id, unsigned status);
void fake_h2_assert_field(int32_t id, const char *field);

#endif
