#include "bench/run/live.h"

#include "bench/run/schedule.h"
#include "common/buf.h"

#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LINE_BYTES 1024
#define PLAIN_EVERY_S 10
#define BAR_CELLS 10
#define BAR_COLUMNS 116 /* a terminal less wide has none */

enum colour { PLAIN, BOLD, GREEN, YELLOW, RED };

/* All users of one second, the probe and attackers apart. */
struct sums {
    uint64_t users, alive, done, errors;
    uint32_t response[BAND_COUNT], lag_p99_us;
};

void live_init(struct live *l, const struct scenario *s, bool plain)
{
    const char *terminal = getenv("TERM"), *no_colour = getenv("NO_COLOR");
    bool is_terminal = isatty(STDOUT_FILENO) && terminal && strcmp(terminal, "dumb") != 0;
    setlocale(LC_CTYPE, "");
    *l = (struct live){ .scenario = s,
                        .is_rewritten = is_terminal && !plain,
                        .has_blocks = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
                        .plain_due_s = PLAIN_EVERY_S };
    l->has_colours = l->is_rewritten && !(no_colour && no_colour[0]);
}

static void add_up(struct sums *sums, const struct results_board *board, uint64_t second)
{
    *sums = (struct sums){ 0 };
    for (uint32_t i = 0; i < board->generator_count; i++) {
        const struct results_generator *g = &board->generators[i];
        const struct results_second *s = &g->seconds[second];
        if (!results_is_of_users(g) || second >= RESULTS_SECONDS_MAX)
            continue;
        sums->users += s->users;
        sums->alive += s->alive;
        sums->done += s->done;
        sums->errors += s->errors;
        sums->lag_p99_us = MAX(sums->lag_p99_us, s->lag_p99_us);
        band_merge(sums->response, s->response);
    }
}

/* The errors since the start; seconds are few enough to add them up each time. */
static uint64_t all_errors(const struct results_board *board, uint64_t seconds)
{
    uint64_t errors = 0;
    for (uint32_t i = 0; i < board->generator_count; i++) {
        const struct results_generator *g = &board->generators[i];
        for (uint64_t k = 0; k < MIN(seconds, RESULTS_SECONDS_MAX) && results_is_of_users(g); k++)
            errors += g->seconds[k].errors;
    }
    return errors;
}

static size_t width(void)
{
    struct winsize size;
    bool is_known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return is_known ? size.ws_col : 80;
}

/* --- pieces of the line ---------------------------------------------------------------------- */

static void paint(const struct live *l, struct buf *out, enum colour colour)
{
    static const char *const codes[] = { "\033[0m", "\033[1m", "\033[32m", "\033[33m", "\033[31m" };
    if (l->has_colours)
        buf_append_str(out, codes[colour]);
}

/* 119998 as 119,998 */
static void append_count(struct buf *out, uint64_t value)
{
    char digits[20];
    size_t len = format_u64(digits, value);
    for (size_t i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            buf_append_char(out, ',');
        buf_append_char(out, digits[i]);
    }
}

static void append_clock(struct buf *out, uint64_t s)
{
    if (s >= 3600)
        buf_printf(out, "%u:%02u:%02u", (unsigned)(s / 3600), (unsigned)(s / 60 % 60),
                   (unsigned)(s % 60));
    else
        buf_printf(out, "%u:%02u", (unsigned)(s / 60), (unsigned)(s % 60));
}

static void append_bar(const struct live *l, struct buf *out, uint64_t done, uint64_t all)
{
    uint64_t filled = all ? MIN(done * BAR_CELLS / all, BAR_CELLS) : BAR_CELLS;
    for (uint64_t i = 0; i < BAR_CELLS; i++)
        if (l->has_blocks)
            buf_append_str(out, i < filled ? "█" : "░");
        else
            buf_append_char(out, i < filled ? '#' : '.');
}

static void append_ms(struct buf *out, double us)
{
    buf_printf(out, us < 100000 ? "%.1f ms" : "%.0f ms", us / 1000);
}

static void append_phase(const struct live *l, struct buf *out, uint64_t elapsed_s)
{
    uint32_t index = schedule_phase(l->scenario, elapsed_s * 1000);
    const struct scenario_phase *phase = &l->scenario->phases[index];
    uint64_t into_s = elapsed_s - schedule_phase_start_ms(l->scenario, index) / 1000;
    paint(l, out, BOLD);
    buf_append_str(out, phase->name);
    paint(l, out, PLAIN);
    buf_append_char(out, ' ');
    if (!l->is_rewritten || width() >= BAR_COLUMNS) {
        append_bar(l, out, into_s, phase->duration_ms / 1000);
        buf_append_char(out, ' ');
    }
    append_clock(out, elapsed_s);
    buf_append_char(out, '/');
    append_clock(out, (scenario_duration_ms(l->scenario) + 999) / 1000);
}

static void append_verdict(const struct live *l, struct buf *out, const char *verdict)
{
    if (!verdict)
        return;
    bool passes = strcmp(verdict, "PASS") == 0, fails = strcmp(verdict, "FAIL") == 0;
    buf_append_str(out, "  ");
    paint(l, out, passes ? GREEN : fails ? RED : YELLOW);
    buf_append_str(out, verdict);
    paint(l, out, PLAIN);
    buf_append_str(out, " so far");
}

static void append_line(const struct live *l, struct buf *out, const struct live_state *now)
{
    struct sums sums;
    uint64_t errors = all_errors(now->board, now->elapsed_s);
    add_up(&sums, now->board, now->elapsed_s - 1);
    append_phase(l, out, now->elapsed_s);
    buf_append_str(out, "  ");
    append_count(out, sums.alive);
    buf_append_char(out, '/');
    append_count(out, now->users_planned);
    buf_append_str(out, " users  ");
    append_count(out, sums.done);
    buf_append_str(out, " req/s  p99 ");
    append_ms(out, band_quantile(sums.response, 0.99));
    buf_append_str(out, "  ");
    paint(l, out, errors ? RED : PLAIN);
    append_count(out, errors);
    buf_append_str(out, errors == 1 ? " error" : " errors");
    paint(l, out, PLAIN);
    append_verdict(l, out, now->verdict);
    buf_append_str(out, "  lag ");
    append_ms(out, sums.lag_p99_us);
}

/* --- output ---------------------------------------------------------------------------------- */

/* Cuts the line to the terminal's width, not counting colours and the rest of characters that take
 * several bytes. */
static void fit(struct buf *line)
{
    size_t cells = 0, columns = width();
    for (size_t i = 0; i < line->len; i++) {
        unsigned char c = (unsigned char)line->data[i];
        if (c == '\033')
            i += strcspn(line->data + i, "m");
        else
            cells += (c & 0xc0) != 0x80;
        if (cells == columns) {
            line->len = i;
            return;
        }
    }
}

static void clear(struct live *l)
{
    if (l->has_line)
        fputs("\r\033[K", stdout);
    l->has_line = false;
}

void live_show(struct live *l, const struct live_state *now)
{
    struct buf line;
    bool is_due = l->is_rewritten || now->elapsed_s >= l->plain_due_s;
    if (now->elapsed_s == 0 || !is_due)
        return;
    buf_init(&line, LINE_BYTES);
    append_line(l, &line, now);
    buf_append_char(&line, '\0');
    if (l->is_rewritten) {
        clear(l);
        fit(&line);
        fwrite(line.data, 1, line.len, stdout);
        fputs(l->has_colours ? "\033[0m" : "", stdout);
        l->has_line = true;
    } else {
        puts(line.data);
        l->plain_due_s = now->elapsed_s / PLAIN_EVERY_S * PLAIN_EVERY_S + PLAIN_EVERY_S;
    }
    fflush(stdout);
    buf_fini(&line);
}

void live_note(struct live *l, uint64_t elapsed_s, const char *text)
{
    clear(l);
    printf("%u:%02u %s\n", (unsigned)(elapsed_s / 60), (unsigned)(elapsed_s % 60), text);
    fflush(stdout);
}

void live_end(struct live *l)
{
    if (l->has_line)
        putchar('\n');
    l->has_line = false;
    fflush(stdout);
}
