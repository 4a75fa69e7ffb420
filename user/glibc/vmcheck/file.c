/* SPDX-License-Identifier: MIT
 * Mappings of a file against read, write and ftruncate of it. */
#include <fcntl.h>

#include "user/glibc/vmcheck/vmcheck.h"

static char page[PAGE];

static off_t size_of(int fd)
{
    return lseek(fd, 0, SEEK_END);
}

static void shared(int fd)
{
    char *p = room(8), *q = p + 4 * PAGE;
    put_file(p, 3, RW, MAP_SHARED, fd, 0);
    put_file(q, 2, RW, MAP_SHARED, fd, 1);
    CHECK("shared, the file's content", holds(p, 0, 3, 1) && holds(q, 1, 2, 1));
    stamp(p + PAGE, 1, 1, 2);
    CHECK("written through one mapping, seen by another", holds(q, 1, 1, 2));
    CHECK("written through a mapping, seen by read", file_holds(fd, 1, 1, 2));
    stamp(q + PAGE, 2, 1, 3);
    CHECK("written through the other, seen by the first", holds(p + 2 * PAGE, 2, 1, 3));
    stamp(page, 0, 1, 4);
    CHECK_NUMBER("write to the file", PAGE, write_at(fd, 0, page, PAGE));
    CHECK("write, seen by a mapping", holds(p, 0, 1, 4));
    CHECK_NUMBER("write a few bytes in the middle", 10, write_at(fd, PAGE + 100, "abcdefghij", 10));
    CHECK("a few bytes, seen by both mappings",
          p[PAGE + 100] == 'a' && p[PAGE + 109] == 'j' && q[105] == 'f');
    CHECK_NUMBER("the size does not change", 3 * PAGE, size_of(fd));
    CHECK_NUMBER("write from the file's own mapping", PAGE, write_at(fd, 2 * PAGE, p, PAGE));
    CHECK("write from its own mapping, content", holds(q + PAGE, 0, 1, 4));
    CHECK_NUMBER("read into the file's own mapping", PAGE, read_at(fd, 0, q, PAGE));
    CHECK("read into its own mapping, content",
          holds(q, 0, 1, 4) && file_holds(fd, 0, 1, 4) && holds(p + PAGE, 0, 1, 4));
    int again = file_again(O_RDONLY);
    put_file(q, 1, PROT_READ, MAP_SHARED, again, 0);
    stamp(p, 0, 1, 5);
    CHECK("a read-only mapping sees what another writes", holds(q, 0, 1, 5));
    check_write("a read-only mapping, written", SEGV, q);
    CHECK("a second fd reads what the mapping wrote", file_holds(again, 0, 1, 5));
    close(again);
    CHECK("the mapping outlives its fd", holds(q, 0, 1, 5));
    munmap(p, 3 * PAGE);
    CHECK("unmapped, the file", file_holds(fd, 0, 1, 5));
    leave(p, 8);
}

static void private(int fd)
{
    char *p = room(8), *q = p + 4 * PAGE;
    put_file(p, 3, RW, MAP_PRIVATE, fd, 0);
    put_file(q, 3, RW, MAP_SHARED, fd, 0);
    stamp(p, 0, 1, 2);
    CHECK("a private copy", holds(p, 0, 1, 2));
    CHECK("a private copy, the file", file_holds(fd, 0, 1, 1));
    CHECK("a private copy, a shared mapping", holds(q, 0, 3, 1));
    stamp(q, 0, 3, 3);
    CHECK("a private copy stays", holds(p, 0, 1, 2));
    CHECK("private pages not written follow the file", holds(p + PAGE, 1, 2, 3));
    p[PAGE] = 4;
    stamp(q + PAGE, 1, 1, 4);
    CHECK("one byte copies its page",
          p[PAGE] == 4 && p[PAGE + 1] == 0x10 && bytes_are(p + 2 * PAGE - 1, 3, 1));
    stamp(page, 2, 1, 5);
    write_at(fd, 2 * PAGE, page, PAGE);
    CHECK("private pages not written follow write", holds(p + 2 * PAGE, 2, 1, 5));
    put_file(p, 3, RW, MAP_PRIVATE, fd, 0);
    CHECK("mapped again, the copy is gone", holds(p, 0, 1, 3) && holds(p + 2 * PAGE, 2, 1, 5));
    leave(p, 8);
}

static void ends(int fd)
{
    char *p = room(8), *q = p + 4 * PAGE;
    CHECK_CALL("truncate to inside a page", 0, ftruncate(fd, PAGE + 100));
    put_file(p, 3, RW, MAP_SHARED, fd, 0);
    CHECK("the last page, up to the end", bytes_are(p + PAGE + 99, 1, 1) && bytes_are(p + PAGE + 95, 1, 1));
    CHECK("the last page, zero behind the end", bytes_are(p + PAGE + 100, 0, PAGE - 100));
    p[PAGE + 200] = 7;
    CHECK("written behind the end, seen", p[PAGE + 200] == 7);
    CHECK_NUMBER("written behind the end, the size", PAGE + 100, size_of(fd));
    CHECK_NUMBER("written behind the end, read", 100, read_at(fd, PAGE, page, PAGE));
    check_read("the page behind the end, read", BUS, p + 2 * PAGE);
    check_write("the page behind the end, written", BUS, p + 2 * PAGE);
    put_file(q, 3, RW, MAP_PRIVATE, fd, 0);
    CHECK("private, the last page", q[PAGE + 98] == p[PAGE + 98]);
    check_read("private, the page behind the end, read", BUS, q + 2 * PAGE);
    check_write("private, the page behind the end, written", BUS, q + 2 * PAGE);

    CHECK_CALL("make it longer", 0, ftruncate(fd, 3 * PAGE));
    CHECK("longer, the new page is zero", zeros(p + 2 * PAGE, 1));
    CHECK("longer, the new page is zero in private", zeros(q + 2 * PAGE, 1));
    stamp(p, 0, 3, 2);
    CHECK("longer, written", file_holds(fd, 0, 3, 2));
    stamp(q + 2 * PAGE, 2, 1, 3);
    CHECK_CALL("cut under both", 0, ftruncate(fd, PAGE));
    CHECK("cut, the page that is left", holds(p, 0, 1, 2));
    check_read("cut, read", BUS, p + PAGE);
    check_write("cut, last page written", BUS, p + 2 * PAGE);
    check_read("cut, a private copy behind the end", BUS, q + 2 * PAGE);
    CHECK_CALL("and longer again", 0, ftruncate(fd, 3 * PAGE));
    CHECK("and longer again, zero", zeros(p + PAGE, 2));
    CHECK("and longer again, read gives zero", read_at(fd, PAGE, page, PAGE) == PAGE && zeros(page, 1));
    stamp(p, 0, 3, 4);
    ftruncate(fd, 100);
    CHECK("cut inside a page, zero behind", bytes_are(p + 100, 0, PAGE - 100) && bytes_are(p + 99, 4, 1));
    ftruncate(fd, 3 * PAGE);
    CHECK("longer, still zero", bytes_are(p + 100, 0, 3 * PAGE - 100));
    CHECK_CALL("cut to nothing", 0, ftruncate(fd, 0));
    check_read("cut to nothing, read", BUS, p);
    CHECK_NUMBER("write behind the end makes it longer", 3, write_at(fd, 2 * PAGE, "end", 3));
    CHECK("longer by write, a gap of zeros", zeros(p, 2));
    CHECK("longer by write, its bytes", p[2 * PAGE] == 'e' && p[2 * PAGE + 2] == 'd' && p[2 * PAGE + 3] == 0);
    leave(p, 8);
}

static void large(int fd)
{
    char *p = room(MANY);
    ftruncate(fd, 0);
    CHECK_CALL("a file of many pages", 0, ftruncate(fd, MANY * PAGE));
    put_file(p, MANY, RW, MAP_SHARED, fd, 0);
    CHECK("many pages, zero", zeros(p, MANY));
    stamp(p, 0, MANY, 6);
    CHECK("many pages, written", holds(p, 0, MANY, 6));
    CHECK("many pages, read", file_holds(fd, 0, MANY, 6));
    for (unsigned i = 0; i < MANY; i += 2) {
        stamp(page, i, 1, 7);
        write_at(fd, (off_t)i * PAGE, page, PAGE);
    }
    int good = 1;
    for (unsigned i = 0; i < MANY; i++)
        good &= holds(p + i * PAGE, i, 1, i % 2 ? 6 : 7);
    CHECK("many pages, every other by write", good);
    put_file(p, MANY, RW, MAP_PRIVATE, fd, 0);
    for (unsigned i = 0; i < MANY; i += 4)
        stamp(p + i * PAGE, i, 1, 8);
    good = 1;
    for (unsigned i = 0; i < MANY; i++)
        good &= holds(p + i * PAGE, i, 1, i % 4 == 0 ? 8 : i % 2 ? 6 : 7);
    CHECK("many pages, every fourth a private copy", good);
    CHECK("many pages, the file",
          file_holds(fd, 0, 1, 7) && file_holds(fd, 1, 1, 6) && file_holds(fd, 4, 1, 7));
    leave(p, MANY);
}

void section_file(void)
{
    static void (*const parts[])(int) = {shared, private, ends, large};
    for (size_t i = 0; i < COUNT(parts); i++) {
        int fd = file_new(3, 1);
        if (fd == -1)
            return;
        parts[i](fd);
        file_end(fd);
    }
    int fd = file_new(2, 1);
    char *p = room(2);
    put_file(p, 2, RW, MAP_SHARED, fd, 0);
    file_end(fd);
    CHECK("closed and unlinked, the mapping", holds(p, 0, 2, 1));
    CHECK_CALL("closed and unlinked, by name", ENOENT, file_again(O_RDONLY));
    stamp(p, 0, 2, 2);
    CHECK("closed and unlinked, written", holds(p, 0, 2, 2));
    fd = file_new(1, 3);
    CHECK("a new file of that name is another", holds(p, 0, 2, 2) && file_holds(fd, 0, 1, 3));
    if (fd != -1)
        file_end(fd);
    leave(p, 2);
}
