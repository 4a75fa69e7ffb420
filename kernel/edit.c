/* SPDX-License-Identifier: MIT
 * Editing a line.
 *
 * Characters are echoed as they are typed, so that what the terminal shows is what was typed. As long as the
 * line fits into its row, changes in the middle are drawn by going back, printing the rest and going back
 * again. A backspace does not lead to the row above, though, so a line that is longer goes on in a row of its
 * own as soon as something but its end is changed: that row shows the part around the cursor, with < and >
 * where there is more. */
#include "kernel/edit.h"
#include "drivers/serial.h"
#include "drivers/vga.h"
#include "lib/log.h"
#include "lib/string.h"

enum {
    CTRL_A = 1,
    CTRL_B = 2,
    CTRL_C = 3,
    CTRL_D = 4,
    CTRL_E = 5,
    CTRL_F = 6,
    BACKSPACE = 8,
    TAB = 9,
    CTRL_K = 11,
    CTRL_L = 12,
    CTRL_N = 14,
    CTRL_P = 16,
    CTRL_U = 21,
    CTRL_W = 23,
    DELETE = 127,
};

enum { COLUMNS = VGA_COLUMNS - 1 }; /* the last one stays free: printing there may or may not wrap */

/* What was typed when the history was entered. */
static char draft[CONSOLE_LINE];

static void put(const char *text, size_t n)
{
    if (n > 0)
        log_console.write(&log_console, text, n);
}

static void repeat(char c, size_t n)
{
    while (n-- > 0)
        put(&c, 1);
}

static size_t prompt_length(const struct editor *e)
{
    return e->prompt != NULL ? strlen(e->prompt) : 0;
}

/* Without a known prompt, what stands before the line may be as long as this one. */
static size_t room(const struct editor *e)
{
    enum { UNKNOWN_PROMPT = 20 };
    return COLUMNS - (e->prompt != NULL ? prompt_length(e) : (size_t)UNKNOWN_PROMPT);
}

/* ---- a line longer than its row ---- */

static void draw_window(struct editor *e)
{
    size_t width = COLUMNS - prompt_length(e);
    if (!e->windowed)
        put("\n", 1);
    e->windowed = true;
    if (e->at < e->first + 1)
        e->first = e->at > width / 2 ? e->at - width / 2 : 0;
    if (e->at > e->first + width - 2)
        e->first = e->at - width / 2;
    put("\r", 1);
    put(e->prompt, prompt_length(e));
    size_t shown = MIN(e->length - e->first, width);
    for (size_t i = 0; i < shown; i++) {
        bool left = i == 0 && e->first > 0, right = i == width - 1 && e->first + width < e->length;
        put(left ? "<" : right ? ">" : e->line + e->first + i, 1);
    }
    repeat(' ', width - shown);
    repeat('\b', width - (e->at - e->first));
}

/* Must a change be drawn in a window, if the line had `length` characters before it? */
static bool too_long(const struct editor *e, size_t length)
{
    return e->windowed || MAX(e->length, length) > room(e);
}

/* ---- changes ---- */

static void move(struct editor *e, size_t to)
{
    size_t from = e->at;
    e->at = to;
    if (to == from)
        return;
    if (too_long(e, 0))
        draw_window(e);
    else if (to < from)
        repeat('\b', from - to);
    else
        put(e->line + from, to - from);
}

void edit_insert(struct editor *e, const char *text, size_t n)
{
    size_t before = e->length, from = e->at;
    n = MIN(n, e->size - 1 - e->length);
    memmove(e->line + from + n, e->line + from, e->length - from);
    memcpy(e->line + from, text, n);
    e->length += n;
    e->at += n;
    if (n == 0)
        return;
    if (e->windowed || (from < before && too_long(e, before))) {
        draw_window(e);
        return;
    }
    put(e->line + from, e->length - from);
    repeat('\b', e->length - e->at);
}

/* [from, to) goes, and the cursor is there then. => from <= at <= to */
static void cut(struct editor *e, size_t from, size_t to)
{
    size_t before = e->length, at = e->at;
    if (from == to)
        return;
    memmove(e->line + from, e->line + to, e->length - to);
    e->length -= to - from;
    e->at = from;
    if (too_long(e, before)) {
        draw_window(e);
        return;
    }
    repeat('\b', at - from);
    put(e->line + from, e->length - from);
    repeat(' ', to - from);
    repeat('\b', before - from);
}

static size_t word_start(const struct editor *e)
{
    size_t n = e->at;
    while (n > 0 && e->line[n - 1] == ' ')
        n--;
    while (n > 0 && e->line[n - 1] != ' ')
        n--;
    return n;
}

static void recall(struct editor *e, uint32_t back)
{
    const char *text = back > 0 ? history_back(back) : draft;
    if (!e->commands || text == NULL)
        return;
    if (e->recalled == 0) {
        e->line[e->length] = '\0';
        str_copy(draft, sizeof draft, e->line);
    }
    e->recalled = back;
    cut(e, 0, e->length);
    edit_insert(e, text, strlen(text));
}

void edit_redraw(struct editor *e)
{
    e->windowed = false;
    put(e->prompt, prompt_length(e));
    if (e->length > room(e)) {
        put("\r", 1);
        e->windowed = true; /* the row is empty: no other is needed */
        draw_window(e);
        return;
    }
    put(e->line, e->length);
    repeat('\b', e->length - e->at);
}

static void clear_screen(struct editor *e)
{
    static const char home_and_erase[] = "\033[H\033[2J"; /* ECMA-48; the screen knows no such sequences */
    if (e->prompt == NULL)
        return;
    serial_printer.write(&serial_printer, home_and_erase, sizeof home_and_erase - 1);
    vga_clear();
    edit_redraw(e);
}

/* ---- keys ---- */

void edit_begin(struct editor *e)
{
    e->length = e->at = e->first = 0;
    e->windowed = false;
    e->recalled = 0;
    put(e->prompt, prompt_length(e));
}

static enum edit_result finish(struct editor *e, const char *echo)
{
    e->line[e->length] = '\0';
    print(&log_console, "%s\n", echo);
    return EDIT_DONE;
}

static void move_key(struct editor *e, int key)
{
    switch (key) {
    case KEY_LEFT:
    case CTRL_B:
        move(e, e->at - (e->at > 0));
        break;
    case KEY_RIGHT:
    case CTRL_F:
        move(e, e->at + (e->at < e->length));
        break;
    case KEY_HOME:
    case CTRL_A:
        move(e, 0);
        break;
    case KEY_END:
    case CTRL_E:
        move(e, e->length);
        break;
    case KEY_UP:
    case CTRL_P:
        recall(e, e->recalled + 1);
        break;
    case KEY_DOWN:
    case CTRL_N:
        if (e->recalled > 0)
            recall(e, e->recalled - 1);
        break;
    }
}

static void change_key(struct editor *e, int key)
{
    char c = (char)key;
    switch (key) {
    case BACKSPACE:
    case DELETE:
        cut(e, e->at - (e->at > 0), e->at);
        break;
    case KEY_DELETE:
    case CTRL_D:
        cut(e, e->at, e->at + (e->at < e->length));
        break;
    case CTRL_U:
        cut(e, 0, e->at);
        break;
    case CTRL_K:
        cut(e, e->at, e->length);
        break;
    case CTRL_W:
        cut(e, word_start(e), e->at);
        break;
    case CTRL_L:
        clear_screen(e);
        break;
    case TAB:
        if (e->commands)
            edit_complete(e);
        break;
    default:
        if (key >= ' ' && key < KEY_NONE)
            edit_insert(e, &c, 1);
    }
}

enum edit_result edit_key(struct editor *e, int key)
{
    switch (key) {
    case '\r':
    case '\n':
        return finish(e, "");
    case CTRL_C:
        e->length = 0;
        e->cancelled = true;
        return finish(e, "^C");
    case CTRL_D:
        if (e->length == 0)
            return EDIT_END_OF_INPUT;
        break;
    }
    move_key(e, key);
    change_key(e, key);
    return EDIT_GOES_ON;
}
