/* SPDX-License-Identifier: MIT
 * The line editor over drivers/input.h. */
#include "kernel/console.h"
#include "arch/x86/io.h"
#include "drivers/input.h"
#include "kernel/file.h"
#include "kernel/proc.h"
#include "lib/log.h"
#include "lib/string.h"

enum { CTRL_C = 3, CTRL_D = 4, CTRL_U = 21, BACKSPACE = 8, DELETE = 127, ESCAPE = 27 };

bool console_attended;
bool console_frozen;

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

static void erase(size_t n)
{
    while (n-- > 0)
        print(&log_console, "\b \b");
}

bool console_line(char *line, size_t size)
{
    size_t len = 0;
    bool escape = false;
    for (;;) {
        int c = next_char();
        if (c < 0)
            return false;
        if (escape) {
            escape =
                c == '[' || (c >= '0' && c <= '9') || c == ';'; /* the sequence ends with a letter or ~ */
            continue;
        }
        switch (c) {
        case '\r':
        case '\n':
            print(&log_console, "\n");
            line[len] = '\0';
            return true;
        case CTRL_C:
            print(&log_console, "^C\n");
            line[0] = '\0';
            return true;
        case CTRL_D:
            if (len == 0)
                return false;
            break;
        case CTRL_U:
            erase(len);
            len = 0;
            break;
        case BACKSPACE:
        case DELETE:
            if (len > 0) {
                erase(1);
                len--;
            }
            break;
        case ESCAPE:
            escape = true;
            break;
        default:
            if (c >= ' ' && len + 1 < size) {
                line[len++] = (char)c;
                print(&log_console, "%c", c);
            }
        }
    }
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
