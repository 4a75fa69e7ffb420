/* SPDX-License-Identifier: MIT
 * mremap: growing, shrinking and moving, with what the pages hold. */

#define _GNU_SOURCE
#include "user/glibc/vmcheck/vmcheck.h"

static const int may_move = MREMAP_MAYMOVE, to = MREMAP_MAYMOVE | MREMAP_FIXED;

static void grow(void)
{
    char *p = room(8);
    put_stamped(p, 2, 1);
    CHECK("grow in place", mremap(p, 2 * PAGE, 4 * PAGE, 0) == p);
    CHECK("grow in place, content", holds(p, 0, 2, 1) && zeros(p + 2 * PAGE, 2));
    CHECK("grow where there is room does not move", mremap(p, 4 * PAGE, 5 * PAGE, may_move) == p);
    check_write("grow where there is room, written", FINE, p + 5 * PAGE - 1);
    check_write("grow where there is room, behind", SEGV, p + 5 * PAGE);
    CHECK("the same size", mremap(p, 5 * PAGE, 5 * PAGE, 0) == p);
    CHECK("shrink", mremap(p, 5 * PAGE, PAGE, 0) == p);
    check_read("shrink, behind", SEGV, p + PAGE);
    CHECK("shrink, content", holds(p, 0, 1, 1));
    CHECK("a size is rounded up", mremap(p, 1, PAGE + 1, 0) == p);
    check_write("a size is rounded up, written", FINE, p + 2 * PAGE - 1);
    CHECK("shrink then grow shows zeros", zeros(p + PAGE, 1));

    put_stamped(p, 2, 2);
    put_stamped(p + 2 * PAGE, 1, 3);
    mprotect(p + 2 * PAGE, PAGE, PROT_READ);
    CHECK_CALL("no room", ENOMEM, mremap(p, 2 * PAGE, 3 * PAGE, 0));
    CHECK_CALL("no room for 2.75 GiB", ENOMEM, mremap(p, 2 * PAGE, 0xb0000000, 0));
    CHECK_CALL("the middle cannot grow in place", ENOMEM, mremap(p, PAGE, 2 * PAGE, 0));
    CHECK("no room, content", holds(p, 0, 2, 2) && holds(p + 2 * PAGE, 0, 1, 3));
    char *q = mremap(p, 2 * PAGE, 4 * PAGE, may_move);
    CHECK("no room, moved", q != MAP_FAILED && q != p);
    CHECK("no room, moved, content", holds(q, 0, 2, 2) && zeros(q + 2 * PAGE, 2));
    check_read("no room, moved, old place", SEGV, p + PAGE);
    CHECK("no room, moved, who was in the way", holds(p + 2 * PAGE, 0, 1, 3));
    munmap(q, 4 * PAGE);
    leave(p, 8);
}

static void grow_often(void)
{
    char *p = mmap(NULL, PAGE, RW, ANON, -1, 0);
    int good = p != MAP_FAILED;
    for (unsigned n = 1; n <= 40 && good; n++) {
        stamp(p + (n - 1) * PAGE, n - 1, 1, 4);
        char *q = mremap(p, n * PAGE, (n + 1) * PAGE, may_move);
        good = q != MAP_FAILED && holds(q, 0, n, 4) && zeros(q + n * PAGE, 1);
        p = q;
    }
    CHECK("page by page", good);
    munmap(p, 41 * PAGE);
}

static void move(void)
{
    char *p = room(10), *q = p + 5 * PAGE;
    put_stamped(p, 3, 1);
    put_stamped(q, 4, 2);
    CHECK("to a taken place", mremap(p, 3 * PAGE, 3 * PAGE, to, q) == q);
    CHECK("to a taken place, content", holds(q, 0, 3, 1) && holds(q + 3 * PAGE, 3, 1, 2));
    check_read("to a taken place, old place", SEGV, p);
    CHECK("and back, smaller", mremap(q, 3 * PAGE, 2 * PAGE, to, p) == p);
    CHECK("and back, smaller, content", holds(p, 0, 2, 1));
    check_read("and back, smaller, new end", SEGV, p + 2 * PAGE);
    check_read("and back, smaller, old end", SEGV, q + 2 * PAGE);
    CHECK("and larger", mremap(p, 2 * PAGE, 4 * PAGE, to, q) == q);
    CHECK("and larger, content", holds(q, 0, 2, 1) && zeros(q + 2 * PAGE, 2));

    put_stamped(p, 3, 3);
    CHECK("the middle", mremap(p + PAGE, PAGE, PAGE, to, q) == q);
    CHECK("the middle, content", holds(q, 1, 1, 3));
    check_read("the middle, old place", SEGV, p + PAGE);
    CHECK("the middle, both sides", holds(p, 0, 1, 3) && holds(p + 2 * PAGE, 2, 1, 3));

    put_stamped(p, 2, 4);
    mprotect(p, 2 * PAGE, PROT_READ);
    mremap(p, 2 * PAGE, 2 * PAGE, to, q);
    CHECK("read-only, content", holds(q, 0, 2, 4));
    check_write("read-only, written", SEGV, q);
    put(p, 3, RW, ANON);
    p[PAGE] = 5;
    mremap(p, 3 * PAGE, 3 * PAGE, to, q);
    CHECK("hardly touched, content", zeros(q, 1) && q[PAGE] == 5 && zeros(q + 2 * PAGE, 1));
    leave(p, 10);

    p = room(2 * MANY);
    q = p + MANY * PAGE;
    put_stamped(p, MANY, 6);
    CHECK("many pages", mremap(p, MANY * PAGE, MANY * PAGE, to, q) == q);
    CHECK("many pages, content", holds(q, 0, MANY, 6));
    leave(p, 2 * MANY);
}

static void shared(void)
{
    char *p = room(10), *q = p + 5 * PAGE;
    put(p, 3, RW, SHARED_ANON);
    stamp(p, 0, 3, 1);
    CHECK("old size 0 of shared memory", mremap(p, 0, 3 * PAGE, to, q) == q);
    CHECK("old size 0, content", holds(q, 0, 3, 1));
    stamp(q + PAGE, 1, 1, 2);
    stamp(p + 2 * PAGE, 2, 1, 3);
    CHECK("old size 0, written through the second", holds(p + PAGE, 1, 1, 2));
    CHECK("old size 0, written through the first", holds(q + 2 * PAGE, 2, 1, 3));
    munmap(p, 3 * PAGE);
    CHECK("old size 0, first one gone", holds(q, 0, 1, 1) && holds(q + PAGE, 1, 1, 2));
    leave(p, 10);
}

static void across_fork(void)
{
    char *p = room(10), *q = p + 5 * PAGE;
    put_stamped(p, 3, 1);
    CHECK_CHILD("a child moves", mremap(p, 3 * PAGE, 3 * PAGE, to, q) == q && holds(q, 0, 3, 1));
    CHECK("a child moves, its parent", holds(p, 0, 3, 1));
    CHECK_CHILD("a child moves and writes",
                mremap(p, 3 * PAGE, 3 * PAGE, to, q) == q && (stamp(q, 0, 3, 2), holds(q, 0, 3, 2)));
    CHECK("a child moves and writes, its parent", holds(p, 0, 3, 1));
    volatile int *flag = (volatile int *)put(p + 9 * PAGE, 1, RW, SHARED_ANON);
    pid_t pid = must_fork();
    if (pid == 0)
        end_child(wait_for(flag, 1) && holds(p, 0, 3, 1));
    CHECK("a parent moves", mremap(p, 3 * PAGE, 3 * PAGE, to, q) == q);
    stamp(q, 0, 3, 3);
    *flag = 1;
    CHECK("a parent moves and writes, its child", went_well(pid));
    CHECK("a parent moves and writes, content", holds(q, 0, 3, 3));
    leave(p, 10);
}

static void of_files(void)
{
    int fd = file_new(4, 1);
    if (fd == -1)
        return;
    char *p = room(10), *q = p + 5 * PAGE;
    put_file(p, 2, RW, MAP_SHARED, fd, 1);
    CHECK("shared file grows", mremap(p, 2 * PAGE, 3 * PAGE, 0) == p);
    CHECK("shared file grows, content", holds(p, 1, 3, 1));
    CHECK("shared file moves", mremap(p, 3 * PAGE, 3 * PAGE, to, q) == q);
    stamp(q + PAGE, 2, 1, 2);
    CHECK("shared file moves, is written", file_holds(fd, 2, 1, 2));
    CHECK("shared file grows behind the end", mremap(q, 3 * PAGE, 4 * PAGE, 0) == q);
    check_read("shared file grows behind the end, read", BUS, q + 3 * PAGE);
    CHECK("old size 0 of a shared file", mremap(q, 0, 2 * PAGE, to, p) == p);
    CHECK("old size 0 of a shared file, content", holds(p, 1, 1, 1) && holds(p + PAGE, 2, 1, 2));
    stamp(p, 1, 1, 3);
    CHECK("old size 0 of a shared file, written", holds(q, 1, 1, 3));

    put_file(p, 2, RW, MAP_PRIVATE, fd, 0);
    stamp(p, 0, 1, 4);
    CHECK("private file moves", mremap(p, 2 * PAGE, 2 * PAGE, to, q) == q);
    CHECK("private file moves, its copy", holds(q, 0, 1, 4));
    CHECK("private file moves, the file's page", holds(q + PAGE, 1, 1, 3));
    CHECK("private file moves, the file", file_holds(fd, 0, 1, 1));
    put_file(p, 3, PROT_READ, MAP_PRIVATE, fd, 0);
    mremap(p + 2 * PAGE, PAGE, PAGE, to, q);
    CHECK("the end of a file moves", holds(q, 2, 1, 2));
    leave(p, 10);
    file_end(fd);
}

void section_mremap(void)
{
    grow();
    grow_often();
    move();
    shared();
    across_fork();
    of_files();
    char *p = room(10), *q = p + 6 * PAGE;
    put_stamped(p, 4, 9);
    put_stamped(q, 2, 8);
    const struct call calls[] = {
        {"unaligned", EINVAL, SYS_mremap, {A(p + 1), PAGE, 2 * PAGE, may_move}},
        {"to no size", EINVAL, SYS_mremap, {A(p), PAGE, 0, 0}},
        {"unknown flag", EINVAL, SYS_mremap, {A(p), PAGE, PAGE, 0x100}},
        {"fixed that may not move", EINVAL, SYS_mremap, {A(p), PAGE, PAGE, MREMAP_FIXED, A(q)}},
        {"to an unaligned place", EINVAL, SYS_mremap, {A(p), PAGE, PAGE, to, A(q + 1)}},
        {"to its own place", EINVAL, SYS_mremap, {A(p), PAGE, PAGE, to, A(p)}},
        {"to a place that overlaps it", EINVAL, SYS_mremap, {A(p), 2 * PAGE, 2 * PAGE, to, A(p + PAGE)}},
        {"to a place that overlaps it from below",
         EINVAL,
         SYS_mremap,
         {A(p + PAGE), PAGE, 2 * PAGE, to, A(p)}},
        {"to 0xffffe000", EINVAL, SYS_mremap, {A(p), PAGE, PAGE, to, A(KERNEL_ADDRESS)}},
        {"old size 0 of private memory", EINVAL, SYS_mremap, {A(p), 0, PAGE, may_move}},
        {"nothing there", EFAULT, SYS_mremap, {A(p + 4 * PAGE), PAGE, 2 * PAGE, may_move}},
        {"nothing there, to shrink", EFAULT, SYS_mremap, {A(p + 4 * PAGE), 2 * PAGE, PAGE, 0}},
        {"at 0xffffe000", EFAULT, SYS_mremap, {A(KERNEL_ADDRESS), PAGE, 2 * PAGE, may_move}},
        {"old size longer than the mapping", EFAULT, SYS_mremap, {A(p), 5 * PAGE, 6 * PAGE, may_move}},
    };
    check_calls(calls, COUNT(calls));
    CHECK("bad calls changed nothing", holds(p, 0, 4, 9) && holds(q, 0, 2, 8));
    leave(p, 10);
}
