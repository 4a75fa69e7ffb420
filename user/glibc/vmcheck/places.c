/* SPDX-License-Identifier: MIT
 * Stamped pages, rooms for mappings and the file in /tmp. */
#include <fcntl.h>
#include <stdio.h>

#include "user/glibc/vmcheck/vmcheck.h"

#define WORDS (PAGE / sizeof(uint32_t))

static uint32_t word_of(unsigned tag, unsigned page, size_t i)
{
    return (uint32_t)tag << 24 | (uint32_t)page << 12 | (uint32_t)i;
}

void stamp(void *at, unsigned first, unsigned pages, unsigned tag)
{
    uint32_t *word = at;
    for (unsigned page = first; page < first + pages; page++)
        for (size_t i = 0; i < WORDS; i++)
            *word++ = word_of(tag, page, i);
}

int holds(const void *at, unsigned first, unsigned pages, unsigned tag)
{
    const uint32_t *word = at;
    for (unsigned page = first; page < first + pages; page++)
        for (size_t i = 0; i < WORDS; i++)
            if (*word++ != word_of(tag, page, i))
                return 0;
    return 1;
}

int bytes_are(const void *at, int byte, size_t n)
{
    const unsigned char *p = at;
    for (size_t i = 0; i < n; i++)
        if (p[i] != byte)
            return 0;
    return 1;
}

int zeros(const void *at, unsigned pages)
{
    return bytes_are(at, 0, pages * PAGE);
}

/* Rooms -------------------------------------------------------------------------------------------------- */

static void *must_map(char *at, unsigned pages, int prot, int flags, int fd, unsigned offset)
{
    void *got = mmap(at, pages * PAGE, prot, flags, fd, (off_t)offset * PAGE);
    if (got == MAP_FAILED || (at != NULL && got != at)) {
        printf("vmcheck: FAILED cannot map %u pages: errno %d\n", pages, errno);
        fflush(stdout);
        _exit(1);
    }
    return got;
}

char *room(unsigned pages)
{
    char *all = must_map(NULL, pages + 2, PROT_NONE, ANON | MAP_NORESERVE, -1, 0);
    munmap(all + PAGE, pages * PAGE);
    return all + PAGE;
}

void leave(char *at, unsigned pages)
{
    munmap(at - PAGE, (pages + 2) * PAGE);
}

char *put(char *at, unsigned pages, int prot, int flags)
{
    return put_file(at, pages, prot, flags, -1, 0);
}

char *put_file(char *at, unsigned pages, int prot, int flags, int fd, unsigned offset)
{
    return must_map(at, pages, prot, flags | MAP_FIXED, fd, offset);
}

char *put_stamped(char *at, unsigned pages, unsigned tag)
{
    put(at, pages, RW, ANON);
    stamp(at, 0, pages, tag);
    return at;
}

int resident(const char *at)
{
    unsigned char vector = 0;
    return mincore((void *)(uintptr_t)at, PAGE, &vector) == 0 ? vector & 1 : -1;
}

/* The file ----------------------------------------------------------------------------------------------- */

static char path[40];

ssize_t read_at(int fd, off_t at, void *to, size_t n)
{
    return lseek(fd, at, SEEK_SET) == at ? read(fd, to, n) : -1;
}

ssize_t write_at(int fd, off_t at, const void *from, size_t n)
{
    return lseek(fd, at, SEEK_SET) == at ? write(fd, from, n) : -1;
}

int file_new(unsigned pages, unsigned tag)
{
    static char page[PAGE];
    snprintf(path, sizeof path, "/tmp/vmcheck.%d", (int)getpid());
    int fd = open(path, O_CREAT | O_TRUNC | O_RDWR, 0600);
    if (fd == -1) {
        check_call("a file in /tmp", 0, fd);
        return -1;
    }
    for (unsigned i = 0; i < pages; i++) {
        stamp(page, i, 1, tag);
        if (write_at(fd, (off_t)i * PAGE, page, PAGE) != PAGE) {
            check_call("writing a file in /tmp", 0, -1);
            file_end(fd);
            return -1;
        }
    }
    return fd;
}

int file_again(int flags)
{
    return open(path, flags);
}

void file_end(int fd)
{
    close(fd);
    unlink(path);
}

int file_holds(int fd, unsigned first, unsigned pages, unsigned tag)
{
    static char page[PAGE];
    for (unsigned i = first; i < first + pages; i++)
        if (read_at(fd, (off_t)i * PAGE, page, PAGE) != PAGE || !holds(page, i, 1, tag))
            return 0;
    return 1;
}
