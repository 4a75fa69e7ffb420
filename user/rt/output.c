/* SPDX-License-Identifier: MIT
 * Standard output, one write per line, and the lines that programs end with. A program that writes
 * nothing but short lines pays one system call for each. */
#include "lib/print.h"
#include "user/rt/program.h"
#include "user/rt/sys.h"

static char buffer[512];
static size_t used;

/* Output that cannot be written is dropped: there is nowhere left to say so. */
static void write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        long n = sys_write(fd, text, len);
        if (n <= 0)
            return;
        text += n;
        len -= (size_t)n;
    }
}

void flush(void)
{
    write_all(STDOUT, buffer, used);
    used = 0;
}

static void buffer_write(struct printer *to UNUSED, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        buffer[used++] = text[i];
        if (text[i] == '\n' || used == sizeof buffer)
            flush();
    }
}

static struct printer out = {buffer_write};

int printf(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vprint(&out, fmt, ap);
    va_end(ap);
    return n;
}

void exit(int status)
{
    flush();
    sys_exit_group(status);
}

void fail(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    print(&out, "%s: FAILED ", program.name);
    vprint(&out, fmt, ap);
    print(&out, "\n");
    va_end(ap);
    exit(STATUS_FAILED);
}

int ok(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    print(&out, "%s: ok ", program.name);
    vprint(&out, fmt, ap);
    print(&out, "\n");
    va_end(ap);
    return STATUS_OK;
}

void usage(const char *args)
{
    char line[256];
    int n = format(line, sizeof line, "usage: %s %s\n", program.name, args);
    flush();
    write_all(STDERR, line, MIN((size_t)n, sizeof line - 1));
    exit(STATUS_USAGE);
}
