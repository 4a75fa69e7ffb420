/* SPDX-License-Identifier: MIT
 * An off-screen page of characters with attributes: the memory viewer draws into one, which is then shown on
 * the screen or printed as text. Characters are plain ASCII, so that both are the same picture. What lies
 * outside is not drawn. */
#ifndef KERNEL_CANVAS_H
#define KERNEL_CANVAS_H

#include "drivers/vga.h"

struct canvas {
    uint32_t rows;                              /* of VGA_COLUMNS cells */
    uint16_t cells[VGA_MAX_ROWS * VGA_COLUMNS]; /* attribute << 8 | character */
};

void canvas_clear(struct canvas *c, uint32_t rows);

void canvas_char(struct canvas *c, uint32_t row, uint32_t column, uint8_t attribute, char ch);

/* => the column behind the text, which is cut at the right edge. */
uint32_t canvas_print(struct canvas *c, uint32_t row, uint32_t column, uint8_t attribute, const char *fmt,
                      ...) PRINTF_LIKE(5);

/* Another attribute for what is in the row from `column` on. */
void canvas_color(struct canvas *c, uint32_t row, uint32_t column, uint32_t count, uint8_t attribute);

/* Makes the background bright; the character stays legible. */
void canvas_flash(struct canvas *c, uint32_t row, uint32_t column);

/* A chart of values[0..count) that is `height` rows high, up from `bottom`: one column each, three levels a
 * row. The largest value is as high as the chart, and only 0 has no mark. */
void canvas_chart(struct canvas *c, uint32_t bottom, uint32_t height, uint32_t column, enum vga_color color,
                  const uint32_t *values, uint32_t count);

/* Rows as lines of text, without the spaces at their ends. */
void canvas_write(const struct canvas *c, struct printer *out);

#endif
