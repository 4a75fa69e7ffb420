/* SPDX-License-Identifier: MIT
 * Writes traces with the kernel's own code, lib/trace.c, as told on the standard input, line by line:
 *
 *   put TICKS KIND FLAGS PID A B C D E    an event
 *   text TICKS KIND PID TEXT              as many events as the text takes
 *   port on|off                           whether the port takes chunks
 *   flush
 *
 * The chunks go to the standard output; what trace_print says of each event to the standard error. */
#include "lib/panic.h"
#include "lib/spin.h"
#include "lib/string.h"
#include "lib/trace.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHUNKS = 4, LINE = 256 };

static uint64_t ticks;
static bool open_port = true;

static uint64_t now(void)
{
    return ticks;
}

static bool send(const struct trace_chunk *chunk, uint32_t bytes)
{
    return open_port && fwrite(chunk, 1, bytes, stdout) == bytes;
}

static bool sent(const struct trace_chunk *chunk UNUSED)
{
    return true;
}

static void write_stderr(struct printer *to UNUSED, const char *text, size_t len)
{
    fwrite(text, 1, len, stderr);
}

static void show_last(uint32_t count)
{
    struct printer err = {write_stderr};
    while (count-- > 0) {
        trace_print_here(&err, trace_last(count));
        print(&err, "\n");
    }
}

static bool obey(const char *line)
{
    uint32_t kind, flags, pid, a, b, c, d, e;
    char text[LINE];
    if (sscanf(line, "put %" SCNu64 " %u %u %u %u %u %u %u %u", &ticks, &kind, &flags, &pid, &a, &b, &c, &d,
               &e) == 9) {
        trace_put(TRACE_HEAD(kind, flags, pid), a, b, c, d, e);
        show_last(1);
    } else if (sscanf(line, "text %" SCNu64 " %u %u %255[^\n]", &ticks, &kind, &pid, text) == 4) {
        trace_put_text((enum trace_kind)kind, pid, text);
        show_last((uint32_t)(strlen(text) + TRACE_TEXT - 1) / TRACE_TEXT);
    } else if (strncmp(line, "port o", 6) == 0) {
        open_port = line[6] == 'n';
    } else if (strcmp(line, "flush\n") == 0) {
        trace_flush();
    } else {
        return false;
    }
    return true;
}

/* What the ring's lock may ask for: there is one thread, and no way to get it wrong that would not be worth
 * an end. */
void preempt_now(void)
{
    preempt_state |= PREEMPT_UNWANTED;
}

void panic(const char *fmt, ...)
{
    fprintf(stderr, "tracewriter: panic: %s\n", fmt);
    abort();
}

int main(int argc, char **argv)
{
    static const struct trace_port port = {"file", send, sent};
    static struct trace_chunk chunks[CHUNKS];
    char line[LINE];
    if (argc != 3) {
        fprintf(stderr, "usage: tracewriter BOOT-TICKS KHZ\n");
        return 2;
    }
    trace_set_clock(now, strtoull(argv[1], NULL, 10), (uint32_t)strtoul(argv[2], NULL, 10));
    trace_set_port(&port);
    for (int i = 0; i < CHUNKS; i++)
        trace_add_chunk(&chunks[i]);
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (!obey(line)) {
            fprintf(stderr, "tracewriter: %s", line);
            return 1;
        }
    }
    return fflush(stdout) != 0;
}
