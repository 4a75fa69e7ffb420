/* SPDX-License-Identifier: MIT
 * When which page of the memory viewer is drawn, and the command. Drawing happens in the clock's interrupt,
 * so it shows what programs do, whoever runs: kernel code is not interrupted but while it is idle, and what
 * it is in the middle of then is in a state that others may see. Where it may be interrupted anywhere
 * (preempt.h), a refresh is left out. */
#include "kernel/view.h"
#include "drivers/clock.h"
#include "drivers/fkeys.h"
#include "kernel/proc.h"
#include "kernel/view_sample.h"
#include "lib/command.h"
#include "lib/string.h"

const char view_pages_legal[] = "off, overview, frames, swap, space, top, events or buddy";
const char view_rows_legal[] = "25 or 50";
const char view_hz_legal[] = "0 (drawn once, then still) to 100 (refreshes a second)";

static struct canvas canvas;
static enum view_page page; /* on the screen */
static uint32_t pid;        /* whose address space; 0: nobody's in particular */
static uint32_t hz = VIEW_HZ;
static uint32_t ticks_left; /* until the next refresh */
static bool changed;        /* another page is to be shown */

static void refresh(bool whole)
{
    view_sample_take(whole);
    view_draw(&canvas, vga_rows(), page, pid);
    vga_overlay(canvas.cells);
    vga_flush();
    ticks_left = hz > 0 ? CLOCK_HZ / hz : 0;
}

/* => the page that is to be shown is on the screen */
static void show(void)
{
    changed = false;
    if (page != VIEW_CONSOLE) {
        refresh(true);
    } else {
        vga_overlay(NULL);
        vga_flush();
    }
}

void view_tick(void)
{
    if (likely(page == VIEW_CONSOLE && !changed))
        return;
    if (ticks_left > 0)
        ticks_left--;
    if (current->preemptible)
        return;
    if (changed)
        show();
    else if (hz > 0 && ticks_left == 0)
        refresh(false);
}

static void key_pressed(uint32_t number)
{
    if (number > VIEW_PAGES)
        return;
    page = (enum view_page)(number - 1);
    changed = true;
}

bool view_page_parse(const char *name, enum view_page *to)
{
    *to = VIEW_CONSOLE;
    for (uint32_t i = 0; i < VIEW_PAGES; i++) {
        if (strcmp(name, view_page_names[i]) == 0) {
            *to = (enum view_page)i;
            return true;
        }
    }
    return strcmp(name, "off") == 0;
}

bool view_rows_parse(const char *text, uint32_t *rows)
{
    return parse_u32(text, false, rows) && (*rows == VGA_ROWS || *rows == VGA_MAX_ROWS);
}

bool view_hz_parse(const char *text, uint32_t *to)
{
    return parse_u32(text, false, to) && *to <= VIEW_HZ_MAX;
}

void view_start(const struct view_options *o)
{
    vga_set_rows(o->rows);
    hz = o->hz;
    page = o->page;
    changed = page != VIEW_CONSOLE;
    fkeys_set_handler(key_pressed);
}

/* A page's name, or a pid for its address space. => false after saying what is legal */
static bool parse_what(const char *word, enum view_page *what, struct printer *out)
{
    uint32_t number;
    if (parse_u32(word, false, &number)) {
        const struct proc *p = proc_find(number);
        if (p == NULL || p->space == NULL) {
            print(out, "view: %s: expected the pid of a running program; ps lists them\n", word);
            return false;
        }
        pid = number;
        *what = VIEW_SPACE;
        return true;
    }
    if (view_page_parse(word, what))
        return true;
    print(out, "view: %s: expected text, rows N, hz N, a pid, %s\n", word, view_pages_legal);
    return false;
}

/* Prints the page on the screen, or another, or the overview; each as if it was refreshed now. */
static int print_page(const char *word, struct printer *out)
{
    enum view_page what = page != VIEW_CONSOLE ? page : VIEW_OVERVIEW;
    if (word != NULL && !parse_what(word, &what, out))
        return 1;
    if (what == VIEW_CONSOLE) {
        print(out, "view: text %s: expected a page of the viewer\n", word);
        return 1;
    }
    view_sample_take(true);
    view_draw(&canvas, vga_rows(), what, pid);
    if (what == page) {
        vga_overlay(canvas.cells);
        vga_flush();
    }
    canvas_write(&canvas, out);
    if (what != page && page != VIEW_CONSOLE)
        view_draw(&canvas, vga_rows(), page, pid);
    return 0;
}

static int set_rows(const char *word, struct printer *out)
{
    uint32_t rows;
    if (!view_rows_parse(word, &rows)) {
        print(out, "view: rows %s: expected %s\n", word, view_rows_legal);
        return 1;
    }
    vga_set_rows(rows);
    show();
    return 0;
}

static int set_hz(const char *word, struct printer *out)
{
    uint32_t wanted;
    if (!view_hz_parse(word, &wanted)) {
        print(out, "view: hz %s: expected %s\n", word, view_hz_legal);
        return 1;
    }
    hz = wanted;
    show();
    return 0;
}

static int command_run(int argc, char **argv, struct printer *out)
{
    if (argc == 1) {
        print(out, "view: page=%s rows=%u hz=%u; pages: %s, F1 to F8\n", view_page_names[page], vga_rows(),
              hz, view_pages_legal);
        return 0;
    }
    if (strcmp(argv[1], "text") == 0 && argc <= 3)
        return print_page(argc == 3 ? argv[2] : NULL, out);
    if (strcmp(argv[1], "rows") == 0 && argc == 3)
        return set_rows(argv[2], out);
    if (strcmp(argv[1], "hz") == 0 && argc == 3)
        return set_hz(argv[2], out);
    enum view_page what;
    if (!parse_what(argv[1], &what, out))
        return 1;
    if (argc > 2) {
        print(out, "view: unexpected argument %s\n", argv[2]);
        return 1;
    }
    page = what;
    show();
    return 0;
}

COMMAND_AT_STOP(
    view, "[PAGE|PID|off|text [PAGE|PID]|rows N|hz N]",
    "memory, live on the screen: overview frames swap space top events buddy; text prints it", command_run,
    .words = "off overview frames swap space top events buddy text rows hz",
    .more = "  view overview    on the screen; F2 to F8 and F1 there do the same; view off: the console\n"
            "  view 2           the address space of process 2\n"
            "  view text top    a page as text, here, once\n"
            "  view rows 50     25 or 50 rows; view hz 5: refreshes a second\n");
