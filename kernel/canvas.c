/* SPDX-License-Identifier: MIT
 * Drawing text into cells. */
#include "kernel/canvas.h"
#include "lib/string.h"

enum { ATTRIBUTE_SHIFT = 8, BRIGHT_BACKGROUND = 0x80 };

void canvas_clear(struct canvas *c, uint32_t rows)
{
    c->rows = rows;
    for (uint32_t i = 0; i < rows * VGA_COLUMNS; i++)
        c->cells[i] = VGA_GREY << ATTRIBUTE_SHIFT | ' ';
}

static uint16_t *cell(struct canvas *c, uint32_t row, uint32_t column)
{
    return row < c->rows && column < VGA_COLUMNS ? &c->cells[row * VGA_COLUMNS + column] : NULL;
}

void canvas_char(struct canvas *c, uint32_t row, uint32_t column, uint8_t attribute, char ch)
{
    uint16_t *at = cell(c, row, column);
    if (at != NULL)
        *at = (uint16_t)(attribute << ATTRIBUTE_SHIFT | (uint8_t)ch);
}

uint32_t canvas_print(struct canvas *c, uint32_t row, uint32_t column, uint8_t attribute, const char *fmt,
                      ...)
{
    char text[VGA_COLUMNS + 1];
    va_list ap;
    va_start(ap, fmt);
    vformat(text, sizeof text, fmt, ap);
    va_end(ap);
    for (const char *t = text; *t != '\0'; t++)
        canvas_char(c, row, column++, attribute, *t);
    return column;
}

void canvas_color(struct canvas *c, uint32_t row, uint32_t column, uint32_t count, uint8_t attribute)
{
    for (uint32_t i = 0; i < count; i++) {
        uint16_t *at = cell(c, row, column + i);
        if (at != NULL)
            *at = (uint16_t)(attribute << ATTRIBUTE_SHIFT | (*at & 0xff));
    }
}

void canvas_flash(struct canvas *c, uint32_t row, uint32_t column)
{
    uint16_t *at = cell(c, row, column);
    if (at == NULL)
        return;
    uint8_t attribute = (uint8_t)(*at >> ATTRIBUTE_SHIFT | BRIGHT_BACKGROUND);
    if ((attribute & 0x0f) == attribute >> 4)
        attribute &= 0xf0; /* black */
    canvas_color(c, row, column, 1, attribute);
}

void canvas_chart(struct canvas *c, uint32_t bottom, uint32_t height, uint32_t column, enum vga_color color,
                  const uint32_t *values, uint32_t count)
{
    static const char marks[] = {' ', '.', ':', '#'};
    enum { LEVELS = sizeof marks - 1 };
    uint32_t most = 1;
    for (uint32_t i = 0; i < count; i++)
        most = MAX(most, values[i]);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t level = (uint32_t)(((uint64_t)values[i] * height * LEVELS + most - 1) / most);
        for (uint32_t up = 0; up < height; up++) {
            uint32_t part = MIN(level, (uint32_t)LEVELS);
            canvas_char(c, bottom - up, column + i, part == LEVELS ? vga_attribute(color, color) : color,
                        marks[part]);
            level -= part;
        }
    }
}

void canvas_write(const struct canvas *c, struct printer *out)
{
    for (uint32_t row = 0; row < c->rows; row++) {
        char line[VGA_COLUMNS + 1];
        uint32_t len = 0;
        for (uint32_t i = 0; i < VGA_COLUMNS; i++) {
            line[i] = (char)(c->cells[row * VGA_COLUMNS + i] & 0xff);
            len = line[i] != ' ' ? i + 1 : len;
        }
        print(out, "%.*s\n", (int)len, line);
    }
}
