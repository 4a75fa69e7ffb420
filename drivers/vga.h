/* SPDX-License-Identifier: MIT
 * The VGA screen in text mode, 80 x 25 or 80 x 50: the console, of which the last row is a status line and
 * the others scroll, or a picture in its place. */
#ifndef DRIVERS_VGA_H
#define DRIVERS_VGA_H

#include "lib/print.h"

enum vga_color {
    VGA_BLACK = 0,
    VGA_BLUE = 1,
    VGA_GREEN = 2,
    VGA_CYAN = 3,
    VGA_RED = 4,
    VGA_MAGENTA = 5,
    VGA_BROWN = 6,
    VGA_GREY = 7,
    VGA_DARK_GREY = 8,
    VGA_LIGHT_BLUE = 9,
    VGA_LIGHT_GREEN = 10,
    VGA_LIGHT_CYAN = 11,
    VGA_LIGHT_RED = 12,
    VGA_YELLOW = 14,
    VGA_WHITE = 15,
};

enum { VGA_COLUMNS = 80, VGA_ROWS = 25, VGA_MAX_ROWS = 50 };

/* An attribute; of the background the bright colours, too, as nothing blinks. */
static inline uint8_t vga_attribute(enum vga_color foreground, enum vga_color background)
{
    return (uint8_t)(background << 4 | foreground);
}

extern struct printer vga_printer;

/* Programs text mode from scratch, whatever mode the machine is in. The font in plane 2 is kept: without
 * a BIOS the emulator draws its own. */
void vga_init(void);
void vga_set_color(enum vga_color foreground, enum vga_color background);

/* Colours what lies between two bars (|) in each of the last `lines` lines that were printed: attribute_of
 * says with what (background << 4 | foreground), character by character. */
void vga_color_lines(uint32_t lines, uint8_t (*attribute_of)(char c));

/* Empties the rows that scroll; printing goes on at the top. */
void vga_clear(void);

/* Brings what was printed onto the screen. Called a few times a second, and before the machine stops. */
void vga_flush(void);

/* From the next flush on the screen shows these cells (attribute << 8 | character, vga_rows() rows) in place
 * of the console, which goes on beneath. Called again whenever they have changed; they stay the caller's.
 * NULL: the console. */
void vga_overlay(const uint16_t *picture);

/* VGA_ROWS or VGA_MAX_ROWS. The console keeps its last lines. An overlay has to be drawn anew. */
uint32_t vga_rows(void);
void vga_set_rows(uint32_t rows);

/* Replaces the status line, cut to the screen's width. */
void vga_status(const char *fmt, ...) PRINTF_LIKE(1);

#endif
