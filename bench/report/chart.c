#include "bench/report/chart.h"

#include <math.h>

/* The drawing's own units; the page stretches them. */
#define WIDTH 1000.0
#define HEIGHT 100.0

static double place_x(const struct chart *c, double x)
{
    return scale_place(&c->x, x) * WIDTH;
}

static double place_y(const struct chart *c, double y)
{
    return HEIGHT - scale_place(&c->y, y) * HEIGHT;
}

static void put_grid(struct chart *c)
{
    buf_append_str(c->out, "<path class=\"grid\" d=\"");
    for (uint32_t i = 0; i < c->y.tick_count; i++)
        buf_printf(c->out, "M0 %.1fH%.0f", place_y(c, c->y.ticks[i]), WIDTH);
    for (uint32_t i = 0; i < c->x.tick_count; i++)
        buf_printf(c->out, "M%.1f 0V%.0f", place_x(c, c->x.ticks[i]), HEIGHT);
    buf_append_str(c->out, "\"/>");
}

void chart_open(struct chart *c, struct buf *out, const char *class, const char *label)
{
    c->out = out;
    buf_printf(out,
               "<div class=\"plot %s\"><svg viewBox=\"0 0 %.0f %.0f\" preserveAspectRatio=\"none\" "
               "role=\"img\" aria-label=\"%s\">",
               class, WIDTH, HEIGHT, label);
    put_grid(c);
}

/* Returns how many points of the run from `at` on are numbers. */
static size_t put_run(struct chart *c, const struct chart_point *p, size_t count)
{
    size_t i = 0;
    for (; i < count && isfinite(p[i].y); i++)
        buf_printf(c->out, "%c%.1f %.1f", i == 0 ? 'M' : 'L', place_x(c, p[i].x),
                   place_y(c, p[i].y));
    return i;
}

void chart_line(struct chart *c, const char *class, const struct chart_point *p, size_t count)
{
    buf_printf(c->out, "<path class=\"%s\" d=\"", class);
    for (size_t i = 0; i < count; i++)
        i += put_run(c, p + i, count - i);
    buf_append_str(c->out, "\"/>");
}

void chart_area(struct chart *c, const char *class, const struct chart_point *p, size_t count)
{
    buf_printf(c->out, "<path class=\"%s\" d=\"", class);
    for (size_t i = 0; i < count; i++) {
        size_t run = put_run(c, p + i, count - i);
        if (run)
            buf_printf(c->out, "V%.0fH%.1fZ", HEIGHT, place_x(c, p[i].x));
        i += run;
    }
    buf_append_str(c->out, "\"/>");
}

void chart_band(struct chart *c, const char *class, double from, double to)
{
    double left = place_x(c, from);
    buf_printf(c->out, "<path class=\"%s\" d=\"M%.1f 0H%.1fV%.0fH%.1fZ\"/>", class, left,
               place_x(c, to), HEIGHT, left);
}

void chart_rule(struct chart *c, const char *class, double x)
{
    buf_printf(c->out, "<path class=\"%s\" d=\"M%.1f 0V%.0f\"/>", class, place_x(c, x), HEIGHT);
}

void chart_cells_open(struct chart *c, const char *class)
{
    buf_printf(c->out, "<path class=\"%s\" d=\"", class);
}

void chart_cell(struct chart *c, double x_from, double x_to, double y_from, double y_to)
{
    double left = place_x(c, x_from);
    double bottom = place_y(c, y_from);
    buf_printf(c->out, "M%.1f %.1fh%.1fv%.1fh%.1fz", left, bottom, place_x(c, x_to) - left,
               place_y(c, y_to) - bottom, left - place_x(c, x_to));
}

void chart_cells_close(struct chart *c)
{
    buf_append_str(c->out, "\"/>");
}

void chart_close(struct chart *c, chart_label_fn y_label, chart_label_fn x_label)
{
    buf_append_str(c->out, "</svg>");
    for (uint32_t i = 0; i < c->y.tick_count; i++)
        buf_printf(c->out, "<span class=\"y\" style=\"top:%.1f%%\">%s</span>",
                   place_y(c, c->y.ticks[i]), y_label(c->y.ticks[i]).text);
    for (uint32_t i = 0; x_label && i < c->x.tick_count; i++)
        buf_printf(c->out, "<span class=\"x\" style=\"left:%.1f%%\">%s</span>",
                   place_x(c, c->x.ticks[i]) / WIDTH * 100, x_label(c->x.ticks[i]).text);
    buf_append_str(c->out, "</div>\n");
}
