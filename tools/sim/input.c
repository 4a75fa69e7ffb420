/* SPDX-License-Identifier: MIT
 * Files that are being read. */
#include "tools/sim/input.h"
#include "tools/sim/formats.h"
#include "tools/sim/sim.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIPE_ROOM = 1 << 20 }; /* first buffer for what cannot be mapped, bytes */

static void read_all(struct input *in, int fd)
{
    char *data = NULL;
    size_t size = 0, room = 0;
    ssize_t got;
    do {
        if (size == room) {
            room = room != 0 ? room * 2 : PIPE_ROOM;
            data = host_realloc(data, room, 1);
        }
        got = read(fd, data + size, room - size);
        if (got < 0)
            die(SIM_FAILED, "%s: %s", in->path, strerror(errno));
        size += (size_t)got;
    } while (got > 0);
    in->data = data;
    in->end = data + size;
}

void input_open(struct input *in, const char *path)
{
    bool standard = strcmp(path, "-") == 0;
    *in = (struct input){.path = standard ? "(standard input)" : path};
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        die(SIM_FAILED, "%s: %s", path, strerror(errno));
    if (S_ISREG(st.st_mode) && st.st_size > 0 && !standard) {
        char *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        in->mapped = data != MAP_FAILED;
        in->data = in->mapped ? data : NULL;
        in->end = in->mapped ? data + st.st_size : NULL;
    }
    if (!in->mapped)
        read_all(in, fd);
    if (!standard)
        close(fd);
    input_rewind(in);
}

void input_close(struct input *in)
{
    char *data = (char *)(uintptr_t)in->data;
    if (in->mapped)
        munmap(data, (size_t)(in->end - in->data));
    else
        free(data);
}

void input_rewind(struct input *in)
{
    in->next = in->at = in->stop = in->data;
    in->line = 0;
}

bool input_line(struct input *in)
{
    if (in->next == in->end)
        return false;
    const char *newline = memchr(in->next, '\n', (size_t)(in->end - in->next));
    in->at = in->next;
    in->stop = newline != NULL ? newline : in->end;
    in->next = newline != NULL ? newline + 1 : in->end;
    if (in->stop > in->at && in->stop[-1] == '\r')
        in->stop--;
    in->line++;
    return true;
}

void input_bad(const struct input *in, const char *fmt, ...)
{
    char text[300];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    die(SIM_FAILED, "%s:%u: %s", in->path, in->line, text);
}

void input_bad_line(const struct input *in, const char *expected)
{
    enum { SHOWN = 60 };
    char shown[SHOWN + 1];
    const char *start = in->stop;
    while (start > in->data && start[-1] != '\n')
        start--;
    size_t len = MIN((size_t)(in->stop - start), (size_t)SHOWN);
    for (size_t i = 0; i < len; i++)
        shown[i] = start[i] >= ' ' && start[i] < 0x7f ? start[i] : '?';
    shown[len] = '\0';
    input_bad(in, "\"%s\": expected %s", shown, expected);
}

void input_blanks(struct input *in)
{
    while (in->at < in->stop && (*in->at == ' ' || *in->at == '\t'))
        in->at++;
}

bool input_ends(struct input *in)
{
    input_blanks(in);
    return in->at == in->stop || *in->at == '#';
}

static uint32_t digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return (uint32_t)(c - '0');
    c |= 'a' ^ 'A';
    return c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10 : UINT32_MAX;
}

bool input_number(struct input *in, uint32_t base, uint64_t *out)
{
    const char *start = in->at;
    uint64_t v = 0;
    for (uint32_t d; in->at < in->stop && (d = digit_of(*in->at)) < base; in->at++)
        if (__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, d, &v))
            return false;
    *out = v;
    return in->at > start;
}

bool input_word(struct input *in, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(in->stop - in->at) < len || memcmp(in->at, word, len) != 0)
        return false;
    in->at += len;
    return true;
}

bool input_page(struct input *in, uint64_t *out)
{
    if (!input_word(in, "0x") && !input_word(in, "0X"))
        return input_number(in, 10, out);
    if (!input_number(in, 16, out))
        return false;
    *out >>= format_options.page_shift;
    return true;
}
