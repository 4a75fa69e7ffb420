/* SPDX-License-Identifier: MIT
 * VGA text mode 3, a scrolling printer, and an overlay that hides it. Register values: IBM VGA technical
 * reference, mode 3, 80 x 25, 9 x 16 characters, 720 x 400. Attributes blink nothing: their bit 7 makes the
 * background bright. */
#include "drivers/vga.h"
#include "arch/x86/io.h"
#include "drivers/vga_font.h"
#include "lib/string.h"
#include "mm/port.h"

enum { TEXT_BUFFER = 0xb8000, TAB = 8 };
enum {
    ATTRIBUTE = 0x3c0,
    MISC_WRITE = 0x3c2,
    SEQUENCER = 0x3c4,
    DAC_MASK = 0x3c6,
    DAC_WRITE_INDEX = 0x3c8,
    DAC_DATA = 0x3c9,
    GRAPHICS = 0x3ce,
    CRTC = 0x3d4,
    INPUT_STATUS = 0x3da,
};
enum { MISC_MODE3 = 0x67, ATTRIBUTE_SCREEN_ON = 0x20 };
enum { CRTC_LOCK = 0x11, CRTC_LOCK_BIT = 0x80, CRTC_CURSOR_HIGH = 0x0e, CRTC_CURSOR_LOW = 0x0f };

static const uint8_t sequencer[] = {0x03, 0x00, 0x03, 0x00, 0x02};
static const uint8_t crtc[] = {0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0x00,
                               0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff};
static const uint8_t graphics[] = {0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x0e, 0x00, 0xff};
static const uint8_t attribute[] = {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14, 0x07, 0x38, 0x39, 0x3a,
                                    0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x04, 0x00, 0x0f, 0x08, 0x00};

/* What the console shows. Writing to VGA memory is slow, scrolling in it slower, on emulators above
 * all: so text goes here, and vga_flush copies what has changed when somebody has time to look. */
static uint16_t cells[VGA_MAX_ROWS * VGA_COLUMNS];
static uint16_t shown[VGA_MAX_ROWS * VGA_COLUMNS]; /* what the screen shows */
static const uint16_t *overlay;                    /* shown instead of the console; NULL: none */
static uint16_t *screen;                           /* NULL before vga_init */
static bool stale;                                 /* the screen differs from what it should show */
static uint32_t rows = VGA_ROWS, row, column;
static uint8_t color;

static void write_indexed(uint16_t port, const uint8_t *values, uint8_t count)
{
    for (uint8_t i = 0; i < count; i++) {
        outb(port, i);
        outb(port + 1, values[i]);
    }
}

/* The 64 colours that text attributes can name: two bits each of red, green, blue, as in EGA. */
static void load_palette(void)
{
    outb(DAC_MASK, 0xff);
    outb(DAC_WRITE_INDEX, 0);
    for (unsigned i = 0; i < 64; i++)
        for (int c = 2; c >= 0; c--) /* red, green, blue: bits 2, 1, 0 are 2/3, bits 5, 4, 3 are 1/3 */
            outb(DAC_DATA, (uint8_t)((i >> c & 1) * 0x2a + (i >> (c + 3) & 1) * 0x15));
}

static void program_mode(void)
{
    outb(MISC_WRITE, MISC_MODE3);
    write_indexed(SEQUENCER, sequencer, sizeof sequencer);
    outb(CRTC, CRTC_LOCK); /* registers 0 to 7 are write-protected until this bit is clear */
    outb(CRTC + 1, crtc[CRTC_LOCK] & ~CRTC_LOCK_BIT);
    write_indexed(CRTC, crtc, sizeof crtc);
    write_indexed(GRAPHICS, graphics, sizeof graphics);
    for (uint8_t i = 0; i < sizeof attribute; i++) {
        inb(INPUT_STATUS); /* the next write is an index */
        outb(ATTRIBUTE, i);
        outb(ATTRIBUTE, attribute[i]);
    }
    load_palette();
    inb(INPUT_STATUS);
    outb(ATTRIBUTE, ATTRIBUTE_SCREEN_ON);
}

static uint16_t cell(char c)
{
    return (uint16_t)(color << 8 | (uint8_t)c);
}

static void clear(uint32_t from_row, uint32_t to_row)
{
    for (uint32_t i = from_row * VGA_COLUMNS; i < to_row * VGA_COLUMNS; i++)
        cells[i] = cell(' ');
}

/* An overlay has no cursor: it is put below the screen. */
static void move_cursor(void)
{
    uint32_t at = overlay != NULL ? rows * VGA_COLUMNS : row * VGA_COLUMNS + column;
    outb(CRTC, CRTC_CURSOR_HIGH);
    outb(CRTC + 1, (uint8_t)(at >> 8));
    outb(CRTC, CRTC_CURSOR_LOW);
    outb(CRTC + 1, (uint8_t)at);
}

static uint32_t status_row(void)
{
    return rows - 1;
}

/* Lines above the status line go up. */
static void scroll(uint32_t lines)
{
    memmove(cells, cells + lines * VGA_COLUMNS, (status_row() - lines) * VGA_COLUMNS * sizeof cells[0]);
    clear(status_row() - lines, status_row());
    row -= lines;
}

static void new_line(void)
{
    column = 0;
    if (++row == status_row())
        scroll(1);
}

static void put(char c)
{
    switch (c) {
    case '\n':
        new_line();
        return;
    case '\r':
        column = 0;
        return;
    case '\b':
        column -= column > 0;
        return;
    case '\t':
        do
            put(' ');
        while (column % TAB != 0);
        return;
    default:
        if (column == VGA_COLUMNS)
            new_line();
        cells[row * VGA_COLUMNS + column++] = cell(c);
    }
}

static void vga_write(struct printer *to UNUSED, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        put(text[i]);
    stale = true;
}

struct printer vga_printer = {vga_write};

void vga_set_color(enum vga_color foreground, enum vga_color background)
{
    color = (uint8_t)(background << 4 | foreground);
}

void vga_color_lines(uint32_t lines, uint8_t (*attribute_of)(char c))
{
    for (uint32_t r = row - MIN(lines, row); r < row; r++) {
        bool between = false;
        for (uint32_t i = r * VGA_COLUMNS; i < (r + 1) * VGA_COLUMNS; i++) {
            char c = (char)(cells[i] & 0xff);
            if (c == '|')
                between = !between;
            else if (between)
                cells[i] = (uint16_t)(attribute_of(c) << 8 | (uint8_t)c);
        }
    }
    stale = true;
}

void vga_init(void)
{
    program_mode();
    screen = phys_to_ptr(TEXT_BUFFER);
    vga_set_color(VGA_GREY, VGA_BLACK);
    clear(0, VGA_MAX_ROWS);
    memset(shown, 0, sizeof shown);
    memset(screen, 0, sizeof shown);
    stale = true;
    vga_flush();
}

void vga_clear(void)
{
    clear(0, status_row());
    row = column = 0;
    stale = true;
}

void vga_flush(void)
{
    if (!stale || screen == NULL)
        return;
    stale = false;
    const uint16_t *from = overlay != NULL ? overlay : cells;
    for (uint32_t i = 0; i < rows * VGA_COLUMNS; i++)
        if (shown[i] != from[i])
            screen[i] = shown[i] = from[i];
    move_cursor();
}

void vga_overlay(const uint16_t *picture)
{
    overlay = picture;
    stale = true;
}

uint32_t vga_rows(void)
{
    return rows;
}

void vga_set_rows(uint32_t wanted)
{
    if (wanted == rows || screen == NULL)
        return;
    clear(status_row(), rows);
    if (wanted < rows && row > wanted - 2) {
        uint32_t lines = row - (wanted - 2);
        scroll(lines);
    }
    rows = wanted;
    vga_font_rows(rows);
    stale = true;
}

void vga_status(const char *fmt, ...)
{
    char text[VGA_COLUMNS + 1];
    va_list ap;
    va_start(ap, fmt);
    vformat(text, sizeof text, fmt, ap);
    va_end(ap);
    const uint16_t attributes = (VGA_GREEN << 4 | VGA_WHITE) << 8;
    uint16_t *line = cells + status_row() * VGA_COLUMNS;
    size_t len = strlen(text);
    for (size_t i = 0; i < VGA_COLUMNS; i++)
        line[i] = (uint16_t)(attributes | (uint8_t)(i < len ? text[i] : ' '));
    stale = true;
}
