/* SPDX-License-Identifier: MIT
 * The kernel's own accesses to user memory: buffers that are shared, untouched, forbidden, or good only in
 * part; and pages that nobody has written yet. */
#include <sys/uio.h>

#include "user/glibc/vmcheck/vmcheck.h"

static void copied_pages(int fd)
{
    char *p = room(5);
    volatile int *flag = (volatile int *)put(p + 4 * PAGE, 1, RW, SHARED_ANON);
    put_stamped(p, 2, 2);
    CHECK_CHILD("read into a shared copy, in a child", read_at(fd, 0, p, PAGE) == PAGE && holds(p, 0, 1, 1));
    CHECK("read into a shared copy, its parent", holds(p, 0, 2, 2));
    pid_t pid = must_fork();
    if (pid == 0)
        end_child(wait_for(flag, 1) && holds(p, 0, 2, 2));
    CHECK_NUMBER("read into a shared copy, in a parent", 2 * PAGE, read_at(fd, 0, p, 2 * PAGE));
    *flag = 1;
    CHECK("read into a shared copy, its child", went_well(pid));
    CHECK("read into a shared copy, content", holds(p, 0, 2, 1));
    CHECK_CHILD("write from a copy of a child", (stamp(p, 2, 1, 3), write_at(fd, 2 * PAGE, p, PAGE) == PAGE));
    CHECK("write from a copy of a child, the file", file_holds(fd, 2, 1, 3));
    put_file(p, 2, RW, MAP_PRIVATE, fd, 0);
    CHECK_NUMBER("read into a private file's page", PAGE, read_at(fd, 2 * PAGE, p, PAGE));
    CHECK("read into a private file's page, content", holds(p, 2, 1, 3) && holds(p + PAGE, 1, 1, 1));
    CHECK("read into a private file's page, the file", file_holds(fd, 0, 2, 1));
    put(p, 2, RW, SHARED_ANON);
    CHECK_CHILD("read into shared memory, in a child", read_at(fd, 0, p, 2 * PAGE) == 2 * PAGE);
    CHECK("read into shared memory, its parent", holds(p, 0, 2, 1));
    leave(p, 5);
}

/* A page to read and write, then one that is neither, then one without rights, then one to read. */
static void partly_bad(int fd)
{
    enum { GOOD = 128 };
    char *p = room(4), *edge = p + PAGE - GOOD;
    put(p, 1, RW, ANON);
    put(p + 2 * PAGE, 1, PROT_NONE, ANON);
    put(p + 3 * PAGE, 1, PROT_READ, ANON);
    CHECK_NUMBER("read up to a hole", GOOD, read_at(fd, 0, edge, 2 * GOOD));
    CHECK_NUMBER("read up to a hole, the file's position", GOOD, lseek(fd, 0, SEEK_CUR));
    CHECK("read up to a hole, content",
          *(uint32_t *)edge == 1u << 24 && *(uint32_t *)(edge + 124) == (1u << 24 | 31));
    put(p + PAGE, 1, PROT_READ, ANON);
    CHECK_NUMBER("read up to a read-only page", GOOD, read_at(fd, PAGE, edge, PAGE));
    CHECK("read up to a read-only page, content",
          *(uint32_t *)edge == (1u << 24 | 1u << 12) && zeros(p + PAGE, 1));
    put(p + PAGE, 1, PROT_NONE, ANON);
    CHECK_NUMBER("read up to a page without rights", GOOD, read_at(fd, 0, edge, PAGE));
    stamp(p, 0, 1, 4);
    CHECK_NUMBER("write up to a page without rights", GOOD, write_at(fd, 0, edge, PAGE));
    CHECK_NUMBER("write up to it, the file's position", GOOD, lseek(fd, 0, SEEK_CUR));
    char back[2 * GOOD];
    read_at(fd, 0, back, sizeof back);
    CHECK("write up to it, the file",
          *(uint32_t *)back == (4u << 24 | 992) && *(uint32_t *)(back + GOOD) == (1u << 24 | 32));
    munmap(p + PAGE, PAGE);
    CHECK_NUMBER("write up to a hole", GOOD, write_at(fd, PAGE, edge, PAGE));
    const struct iovec vector[] = {{p, 64}, {p + 64, 64}, {p + PAGE, 64}, {p, 64}};
    lseek(fd, 0, SEEK_SET);
    CHECK_NUMBER("writev up to a bad part", 128, writev(fd, vector, 4));
    lseek(fd, 0, SEEK_SET);
    CHECK_CALL("writev of a bad part", EFAULT, writev(fd, vector + 2, 2));
    CHECK_NUMBER("writev of a bad part, the file's position", 0, lseek(fd, 0, SEEK_CUR));
    leave(p, 4);
}

static void across_pages(int fd)
{
    char *p = room(MANY);
    put(p, 4, RW, ANON);
    CHECK_NUMBER("read across a page boundary", 100, read_at(fd, PAGE - 40, p + PAGE - 50, 100));
    CHECK("read across a page boundary, content", *(uint32_t *)(p + PAGE - 50) == (1u << 24 | 1014) &&
                                                      *(uint32_t *)(p + PAGE - 10) == (1u << 24 | 1u << 12));
    CHECK("read across a page boundary, no more",
          bytes_are(p, 0, PAGE - 50) && bytes_are(p + PAGE + 50, 0, PAGE - 50));
    CHECK_NUMBER("read over three pages", 2 * PAGE, read_at(fd, 0, p + 100, 2 * PAGE));
    CHECK("read over three pages, content", holds(p + 100, 0, 2, 1) && bytes_are(p, 0, 100));
    CHECK_NUMBER("write across a page boundary", 100, write_at(fd, PAGE - 30, p + 100 + PAGE - 30, 100));
    CHECK("write across a page boundary, the file", file_holds(fd, 0, 3, 1));
    CHECK_NUMBER("read at the end of the file", 0, read_at(fd, 3 * PAGE, p, PAGE));
    CHECK_NUMBER("read over the end of the file", 10, read_at(fd, 3 * PAGE - 10, p, PAGE));
    put_stamped(p, MANY, 5);
    CHECK_NUMBER("write many pages", MANY * PAGE, write_at(fd, 0, p, MANY * PAGE));
    put(p, MANY, RW, ANON);
    CHECK_NUMBER("read many pages into untouched ones", MANY * PAGE, read_at(fd, 0, p, MANY * PAGE));
    CHECK("read many pages, content", holds(p, 0, MANY, 5));
    leave(p, MANY);
}

static void bad_buffers(int fd)
{
    char *p = room(4);
    put_stamped(p, 1, 6);
    mprotect(p, PAGE, PROT_READ);
    put(p + PAGE, 1, PROT_NONE, ANON);
    put(p + 3 * PAGE, 1, PROT_WRITE, ANON);
    lseek(fd, 0, SEEK_SET);
    const long read_only = A(p), none = A(p + PAGE), hole = A(p + 2 * PAGE), top = A(KERNEL_ADDRESS);
    const struct call calls[] = {
        {"read into a read-only page", EFAULT, SYS_read, {fd, read_only, 10}},
        {"read into a page without rights", EFAULT, SYS_read, {fd, none, 10}},
        {"read into a hole", EFAULT, SYS_read, {fd, hole, 10}},
        {"read into 0", EFAULT, SYS_read, {fd, 0, 10}},
        {"read into 0xffffe000", EFAULT, SYS_read, {fd, top, 10}},
        {"read into 0xfffff000", EFAULT, SYS_read, {fd, -PAGE, 10}},
        {"read into the program's code", EFAULT, SYS_read, {fd, A(section_rw), 10}},
        {"read into a constant", EFAULT, SYS_read, {fd, A("constant"), 4}},
        {"read nothing into a hole", 0, SYS_read, {fd, hole, 0}},
        {"write from a page without rights", EFAULT, SYS_write, {fd, none, 10}},
        {"write from a hole", EFAULT, SYS_write, {fd, hole, 10}},
        {"write from 0", EFAULT, SYS_write, {fd, 0, 10}},
        {"write from 0xffffe000", EFAULT, SYS_write, {fd, top, 10}},
        {"write nothing from a hole", 0, SYS_write, {fd, hole, 0}},
    };
    check_calls(calls, COUNT(calls));
    CHECK("read-only page, content", holds(p, 0, 1, 6));
    CHECK_NUMBER("bad buffers, the file's position", 0, lseek(fd, 0, SEEK_CUR));
    CHECK("bad buffers, the file", file_holds(fd, 0, 3, 1));
    const struct call good_calls[] = {
        {"read at the end into a hole", 0, SYS_read, {fd, hole, 10}},
        {"write from a read-only page", 0, SYS_write, {fd, read_only, 10}},
        {"write from a write-only page", 0, SYS_write, {fd, A(p + 3 * PAGE), 10}},
        {"write from the program's code", 0, SYS_write, {fd, A(section_rw), 10}},
    };
    lseek(fd, 3 * PAGE, SEEK_SET);
    check_calls(good_calls, COUNT(good_calls));
    leave(p, 4);
}

void section_rw(void)
{
    static void (*const parts[])(int) = {copied_pages, partly_bad, across_pages, bad_buffers};
    for (size_t i = 0; i < COUNT(parts); i++) {
        int fd = file_new(3, 1);
        if (fd == -1)
            break;
        parts[i](fd);
        file_end(fd);
    }
    char *p = room(2);
    put(p, 1, PROT_READ, ANON);
    const long read_only = A(p), hole = A(p + PAGE);
    const struct call calls[] = {
        {"read of fd 999 into a hole", EBADF, SYS_read, {999, hole, 10}},
        {"write to fd 999 from a hole", EBADF, SYS_write, {999, hole, 10}},
        {"open a name in a hole", EFAULT, SYS_open, {hole, 0}},
        {"uname into a read-only page", EFAULT, SYS_uname, {read_only}},
        {"clock_gettime into a hole", EFAULT, SYS_clock_gettime, {1, hole}},
        {"clock_gettime into a read-only page", EFAULT, SYS_clock_gettime, {1, read_only}},
        {"nanosleep for a time in a hole", EFAULT, SYS_nanosleep, {hole, 0}},
        {"getrusage into a hole", EFAULT, SYS_getrusage, {0, hole}},
        {"getrandom into a read-only page", EFAULT, SYS_getrandom, {read_only, 10, 0}},
    };
    check_calls(calls, COUNT(calls));
    leave(p, 2);
}

/* Pages of zeros ----------------------------------------------------------------------------------------- */

static char bss[3 * PAGE];

void section_zero(void)
{
    char *p = room(MANY);
    put(p, 4, RW, ANON);
    CHECK("read first", zeros(p, 2));
    stamp(p, 0, 1, 1);
    CHECK("two read, one written", holds(p, 0, 1, 1) && zeros(p + PAGE, 1));
    p[3 * PAGE - 1] = 7;
    CHECK("written first, the rest is zero", bytes_are(p + 2 * PAGE, 0, PAGE - 1));
    stamp(p + PAGE, 1, 1, 2);
    CHECK("all written",
          holds(p, 0, 1, 1) && holds(p + PAGE, 1, 1, 2) && p[3 * PAGE - 1] == 7 && zeros(p + 3 * PAGE, 1));

    put(p, 3, RW, ANON);
    CHECK("read before a fork", zeros(p, 3));
    CHECK_CHILD("read before a fork, a child writes",
                (stamp(p, 0, 2, 3), holds(p, 0, 2, 3) && zeros(p + 2 * PAGE, 1)));
    CHECK("read before a fork, its parent", zeros(p, 3));
    stamp(p, 0, 1, 4);
    CHECK("read before a fork, its parent writes", holds(p, 0, 1, 4) && zeros(p + PAGE, 2));
    madvise(p, PAGE, MADV_DONTNEED);
    CHECK("written, given up, read", zeros(p, 1));
    stamp(p, 0, 1, 5);
    CHECK("written, given up, read, written", holds(p, 0, 1, 5) && zeros(p + PAGE, 2));

    put(p, 2, PROT_READ, ANON);
    CHECK("read-only", zeros(p, 2));
    check_write("read-only, written", SEGV, p);
    mprotect(p, 2 * PAGE, RW);
    stamp(p, 0, 1, 6);
    CHECK("read-only, allowed, written", holds(p, 0, 1, 6) && zeros(p + PAGE, 1));

    put(p, 2, RW, SHARED_ANON);
    CHECK("shared, read", zeros(p, 2));
    CHECK_CHILD("shared, read, a child writes", (stamp(p, 0, 1, 7), zeros(p + PAGE, 1)));
    CHECK("shared, read, its parent sees it", holds(p, 0, 1, 7) && zeros(p + PAGE, 1));

    CHECK("the program's own zeros", zeros(bss, 3));
    stamp(bss + PAGE, 1, 1, 8);
    CHECK("the program's own zeros, one written",
          zeros(bss, 1) && holds(bss + PAGE, 1, 1, 8) && zeros(bss + 2 * PAGE, 1));

    put(p, MANY, RW, ANON);
    CHECK("many read", zeros(p, MANY));
    int good = 1;
    for (unsigned i = 0; i < MANY; i += 2)
        stamp(p + i * PAGE, i, 1, 9);
    for (unsigned i = 0; i < MANY; i += 2)
        good &= holds(p + i * PAGE, i, 1, 9) && zeros(p + (i + 1) * PAGE, 1);
    CHECK("many read, every other written", good);

    int fd = file_new(2, 1);
    if (fd != -1) {
        put(p, 3, RW, ANON);
        CHECK("read, for the kernel", zeros(p, 3));
        CHECK_NUMBER("read, then the kernel writes", PAGE, read_at(fd, PAGE, p, PAGE));
        CHECK("read, then the kernel writes, content", holds(p, 1, 1, 1) && zeros(p + PAGE, 2));
        CHECK_NUMBER("read, then the kernel writes a part", 10, read_at(fd, 0, p + PAGE, 10));
        CHECK("a part, the rest is zero", bytes_are(p + PAGE + 10, 0, 2 * PAGE - 10) && p[PAGE + 3] == 1);
        CHECK_NUMBER("the kernel reads zeros", PAGE, write_at(fd, 0, p + 2 * PAGE, PAGE));
        CHECK("the kernel reads zeros, the file",
              read_at(fd, 0, p, PAGE) == PAGE && zeros(p, 1) && file_holds(fd, 1, 1, 1));
        put(p, 2, RW, ANON);
        CHECK_NUMBER("the kernel reads untouched zeros", 2 * PAGE, write_at(fd, 0, p, 2 * PAGE));
        CHECK("untouched zeros, the file", read_at(fd, PAGE, p, PAGE) == PAGE && zeros(p, 2));
        file_end(fd);
    }
    leave(p, MANY);
}
