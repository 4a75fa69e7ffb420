/* SPDX-License-Identifier: MIT
 * Keys from drivers/input.h, lines for the monitor and for programs; the editor is edit.c. */
#include "kernel/console.h"
#include "arch/x86/io.h"
#include "drivers/input.h"
#include "kernel/edit.h"
#include "kernel/file.h"
#include "kernel/proc.h"
#include "lib/log.h"
#include "lib/string.h"

bool console_attended;
bool console_frozen;
bool console_cancelled;

static void input_arrived(void)
{
    proc_wake(&input_arrived);
}

void console_init(void)
{
    input_set_waker(input_arrived);
}

static int next_char(void)
{
    int c;
    while ((c = input_pop()) < 0 && (console_frozen || !current->attention)) {
        if (console_frozen)
            cpu_idle();
        else
            proc_sleep_on(&input_arrived, 0);
    }
    return c;
}

/* The keys beside letters, as ANSI terminals and our keyboard send them: ESC [ letter, ESC O letter, or
 * ESC [ number ~. */
static int letter_key(int c)
{
    static const struct {
        char letter;
        int key;
    } keys[] = {{'A', KEY_UP},   {'B', KEY_DOWN}, {'C', KEY_RIGHT},
                {'D', KEY_LEFT}, {'H', KEY_HOME}, {'F', KEY_END}};
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (keys[i].letter == c)
            return keys[i].key;
    return KEY_NONE;
}

static int number_key(uint32_t n)
{
    enum { HOME = 1, REMOVE = 3, END = 4, HOME_TOO = 7, END_TOO = 8 };
    if (n == HOME || n == HOME_TOO)
        return KEY_HOME;
    if (n == END || n == END_TOO)
        return KEY_END;
    return n == REMOVE ? KEY_DELETE : KEY_NONE;
}

static int next_key(void)
{
    enum { ESCAPE = 27 };
    int c = next_char();
    if (c != ESCAPE)
        return c;
    uint32_t n = 0;
    c = next_char();
    if (c == 'O')
        return letter_key(next_char());
    if (c != '[')
        return c < 0 ? c : KEY_NONE;
    while ((c = next_char()) == ';' || (c >= '0' && c <= '9'))
        n = c == ';' ? n : n * 10 + (uint32_t)(c - '0');
    if (c < 0)
        return c;
    return c == '~' ? number_key(n) : letter_key(c);
}

static bool edit_line(struct editor *e)
{
    edit_begin(e);
    for (;;) {
        int key = next_key();
        if (key < 0)
            return false;
        enum edit_result r = edit_key(e, key);
        console_cancelled = e->cancelled;
        if (r != EDIT_GOES_ON)
            return r == EDIT_DONE;
    }
}

bool console_line(char *line, size_t size)
{
    struct editor e = {.line = line, .size = size};
    return edit_line(&e);
}

bool console_prompt(const char *prompt, char *line, size_t size)
{
    struct editor e = {.prompt = prompt, .line = line, .size = size, .commands = true};
    return edit_line(&e);
}

bool console_command(const char *prompt, char *line, size_t size)
{
    if (!console_prompt(prompt, line, size))
        return false;
    history_add(line);
    return true;
}

int console_read(char *buf, size_t size)
{
    static char line[CONSOLE_LINE + 1];
    static size_t at, len;
    if (at == len) {
        at = len = 0;
        if (!console_attended || !console_line(line, CONSOLE_LINE))
            return 0;
        len = strlen(line);
        line[len++] = '\n';
    }
    size_t n = MIN(size, len - at);
    memcpy(buf, line + at, n);
    at += n;
    return (int)n;
}

static int32_t file_read(struct open_file *f UNUSED, struct user_io *io, uint64_t *at UNUSED)
{
    char line[CONSOLE_LINE];
    uint32_t want = MIN(io->left, (uint32_t)sizeof line);
    int n = want > 0 ? console_read(line, want) : 0;
    return n > 0 ? io_put(io, line, (uint32_t)n) : 0;
}

static int32_t file_write(struct open_file *f UNUSED, struct user_io *io, uint64_t *at UNUSED)
{
    char chunk[CONSOLE_LINE];
    int32_t done = 0;
    while (io->left > 0) {
        int32_t n = io_take(io, chunk, MIN(io->left, (uint32_t)sizeof chunk));
        if (n < 0)
            return done > 0 ? done : n;
        log_console.write(&log_console, chunk, (size_t)n);
        done += n;
    }
    return done;
}

static void file_stat(const struct open_file *f UNUSED, struct file_stat *st)
{
    enum { CONSOLE_RDEV = 5 << 8 | 1 }; /* Linux's /dev/console */
    *st = (struct file_stat){
        .device = DEVICE_DEV, .number = 1, .mode = S_IFCHR | 0620, .links = 1, .rdev = CONSOLE_RDEV};
}

struct open_file *console_file(uint32_t flags)
{
    static const struct file_ops ops = {.read = file_read, .write = file_write, .stat = file_stat};
    return file_new(&ops, flags);
}
