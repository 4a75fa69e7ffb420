/* SPDX-License-Identifier: MIT
 * The machine's own fonts. That of 16 lines is in plane 2 when the kernel starts, and is kept for the way
 * back. That of 8 lines is somewhere in the ROM of the VGA's BIOS; without such a ROM the large one is
 * shrunk. Access to plane 2: IBM VGA technical reference, character maps. */
#include "drivers/vga_font.h"
#include "arch/x86/io.h"
#include "drivers/vga.h"
#include "lib/string.h"
#include "mm/port.h"

enum { PLANE = 0xa0000, ROM = 0xc0000, ROM_SIZE = 0x10000 };
enum {
    GLYPHS = 256,
    SLOT = 32,
    TALL = 16,
    SHORT = 8
}; /* bytes, one for each scan line; a glyph's place in plane 2 */
enum { SEQUENCER = 0x3c4, GRAPHICS = 0x3ce, CRTC = 0x3d4 };
enum { SCAN_LINES = 9, SCAN_LINES_MASK = 0x1f, CURSOR_START = 10, CURSOR_END = 11 };

/* Register and value, for characters with attributes, and for the bytes of plane 2 at PLANE. */
struct setting {
    uint16_t port;
    uint8_t index, value;
};
static const struct setting as_text[] = {
    {SEQUENCER, 2, 3}, {SEQUENCER, 4, 2}, {GRAPHICS, 4, 0}, {GRAPHICS, 5, 0x10}, {GRAPHICS, 6, 0x0e}};
static const struct setting as_font[] = {
    {SEQUENCER, 2, 4}, {SEQUENCER, 4, 6}, {GRAPHICS, 4, 2}, {GRAPHICS, 5, 0}, {GRAPHICS, 6, 4}};

static uint8_t tall[GLYPHS][TALL]; /* what was in plane 2 at first */
static bool saved;

static void set(const struct setting *settings)
{
    for (size_t i = 0; i < ARRAY_SIZE(as_text); i++) {
        outb(settings[i].port, settings[i].index);
        outb(settings[i].port + 1, settings[i].value);
    }
}

static void save(const volatile uint8_t *plane)
{
    for (uint32_t c = 0; c < GLYPHS; c++)
        for (uint32_t line = 0; line < TALL; line++)
            tall[c][line] = plane[c * SLOT + line];
    saved = true;
}

static bool is_filled(const uint8_t *lines, uint32_t count, uint8_t with)
{
    while (count > 0 && lines[count - 1] == with)
        count--;
    return count == 0;
}

/* A font gives itself away by the glyphs whose look is in their names (code page 437): blank, full block, and
 * its lower, left, right and upper halves. */
static bool is_font(const uint8_t *at)
{
    enum { BLANK = ' ', FULL = 0xdb, LOWER, LEFT, RIGHT, UPPER, HALF = SHORT / 2 };
    return is_filled(at + FULL * SHORT, SHORT, 0xff) && is_filled(at + LEFT * SHORT, SHORT, 0xf0) &&
           is_filled(at + RIGHT * SHORT, SHORT, 0x0f) && is_filled(at + LOWER * SHORT, HALF, 0) &&
           is_filled(at + LOWER * SHORT + HALF, HALF, 0xff) && is_filled(at + UPPER * SHORT, HALF, 0xff) &&
           is_filled(at + UPPER * SHORT + HALF, HALF, 0) && is_filled(at + BLANK * SHORT, SHORT, 0);
}

/* => the font of 8 lines, or NULL */
static const uint8_t *find_short(void)
{
    const uint8_t *rom = phys_to_ptr(ROM);
    for (uint32_t at = 0; at + GLYPHS * SHORT <= ROM_SIZE; at++)
        if (is_font(rom + at))
            return rom + at;
    return NULL;
}

/* Without one, two lines of a tall glyph become one. */
static uint8_t short_line(const uint8_t *font, uint32_t c, uint32_t line)
{
    return font != NULL ? font[c * SHORT + line] : tall[c][2 * line] | tall[c][2 * line + 1];
}

static void load(volatile uint8_t *plane, uint32_t height)
{
    const uint8_t *font = height == SHORT ? find_short() : NULL;
    for (uint32_t c = 0; c < GLYPHS; c++)
        for (uint32_t line = 0; line < height; line++)
            plane[c * SLOT + line] = height == SHORT ? short_line(font, c, line) : tall[c][line];
}

static void set_height(uint8_t height)
{
    outb(CRTC, SCAN_LINES);
    outb(CRTC + 1, (uint8_t)((inb(CRTC + 1) & ~SCAN_LINES_MASK) | (height - 1)));
    outb(CRTC, CURSOR_START);
    outb(CRTC + 1, (uint8_t)(height - 3));
    outb(CRTC, CURSOR_END);
    outb(CRTC + 1, (uint8_t)(height - 2));
}

void vga_font_rows(uint32_t rows)
{
    uint8_t *plane = phys_to_ptr(PLANE);
    uint8_t height = rows == VGA_ROWS ? TALL : SHORT;
    set(as_font);
    if (!saved)
        save(plane);
    load(plane, height);
    set(as_text);
    set_height(height);
}
