/* SPDX-License-Identifier: MIT
 * The line editor over drivers/input.h. */
#include "kernel/console.h"
#include "drivers/input.h"
#include "kernel/proc.h"
#include "lib/log.h"
#include "lib/string.h"

enum { CTRL_C = 3, CTRL_D = 4, CTRL_U = 21, BACKSPACE = 8, DELETE = 127, ESCAPE = 27 };

bool console_attended;

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
    while ((c = input_pop()) < 0 && !current->attention)
        proc_sleep_on(&input_arrived, 0);
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
