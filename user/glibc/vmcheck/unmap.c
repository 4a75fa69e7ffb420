/* SPDX-License-Identifier: MIT
 * munmap: whole mappings, parts, holes, and what is refused. */
#include "user/glibc/vmcheck/vmcheck.h"

static void parts(void)
{
    char *p = room(8);
    CHECK_CALL("nothing", 0, munmap(p, 8 * PAGE));

    put_stamped(p, 3, 1);
    CHECK_CALL("a whole mapping", 0, munmap(p, 3 * PAGE));
    check_read("a whole mapping, first page", SEGV, p);
    check_write("a whole mapping, last page", SEGV, p + 2 * PAGE);
    put(p, 3, RW, ANON);
    CHECK("mapped again, zero", zeros(p, 3));

    put_stamped(p, 5, 2);
    CHECK_CALL("the middle", 0, munmap(p + 2 * PAGE, PAGE));
    check_read("the middle, read", SEGV, p + 2 * PAGE);
    check_read("the middle, byte before", FINE, p + 2 * PAGE - 1);
    check_read("the middle, byte behind", FINE, p + 3 * PAGE);
    CHECK("the middle, both sides", holds(p, 0, 2, 2) && holds(p + 3 * PAGE, 3, 2, 2));
    CHECK_CALL("the middle again", 0, munmap(p + 2 * PAGE, PAGE));

    put_stamped(p, 5, 3);
    CHECK_CALL("the start", 0, munmap(p, 2 * PAGE));
    check_read("the start, read", SEGV, p + PAGE);
    CHECK("the start, the rest", holds(p + 2 * PAGE, 2, 3, 3));
    CHECK_CALL("the end", 0, munmap(p + 4 * PAGE, PAGE));
    check_read("the end, read", SEGV, p + 4 * PAGE);
    CHECK("the end, the rest", holds(p + 2 * PAGE, 2, 2, 3));
    CHECK_CALL("a hole, a mapping, a hole", 0, munmap(p, 8 * PAGE));
    check_read("a hole, a mapping, a hole, read", SEGV, p + 2 * PAGE);

    put_stamped(p, 2, 4);
    put(p + 2 * PAGE, 1, PROT_READ, ANON);
    put(p + 3 * PAGE, 1, RW, SHARED_ANON);
    put_stamped(p + 5 * PAGE, 2, 5);
    CHECK_CALL("several mappings and a hole", 0, munmap(p + PAGE, 5 * PAGE));
    CHECK("several mappings and a hole, the rest", holds(p, 0, 1, 4) && holds(p + 6 * PAGE, 1, 1, 5));
    check_read("several mappings and a hole, first page", SEGV, p + PAGE);
    check_read("several mappings and a hole, middle page", SEGV, p + 3 * PAGE);
    check_read("several mappings and a hole, last page", SEGV, p + 5 * PAGE);

    put_stamped(p, 3, 6);
    CHECK_CALL("one byte", 0, munmap(p, 1));
    check_read("one byte takes a page", SEGV, p + PAGE - 1);
    CHECK("one byte takes no more", holds(p + PAGE, 1, 2, 6));
    CHECK_CALL("a page and a byte", 0, munmap(p + PAGE, PAGE + 1));
    check_read("a page and a byte take two", SEGV, p + 3 * PAGE - 1);
    leave(p, 8);

    p = room(4 * MANY);
    for (unsigned i = 0; i < 4 * MANY; i += 4)
        put_stamped(p + i * PAGE, 2, i / 4);
    CHECK_CALL("many mappings at once", 0, munmap(p + PAGE, (4 * MANY - 5) * PAGE));
    CHECK("many mappings at once, first and last",
          holds(p, 0, 1, 0) && holds(p + (4 * MANY - 4) * PAGE, 0, 2, MANY - 1));
    check_read("many mappings at once, in between", SEGV, p + 2 * MANY * PAGE);
    leave(p, 4 * MANY);
}

static void of_files(void)
{
    int fd = file_new(3, 1);
    if (fd == -1)
        return;
    char *p = room(4);
    put_file(p, 3, RW, MAP_SHARED, fd, 0);
    stamp(p + PAGE, 1, 1, 2);
    CHECK_CALL("the middle of a file", 0, munmap(p + PAGE, PAGE));
    CHECK("the middle of a file, both sides", holds(p, 0, 1, 1) && holds(p + 2 * PAGE, 2, 1, 1));
    check_read("the middle of a file, read", SEGV, p + PAGE);
    CHECK("what was written there is in the file", file_holds(fd, 1, 1, 2));
    CHECK_CALL("all of a file", 0, munmap(p, 3 * PAGE));
    put_file(p, 3, PROT_READ, MAP_PRIVATE, fd, 0);
    CHECK("what was written there is seen by a new mapping", holds(p + PAGE, 1, 1, 2));
    leave(p, 4);
    file_end(fd);
}

void section_munmap(void)
{
    parts();
    of_files();
    char *p = room(4);
    put_stamped(p, 4, 9);
    const struct call calls[] = {
        {"unaligned", EINVAL, SYS_munmap, {A(p + 1), PAGE}},
        {"no length", EINVAL, SYS_munmap, {A(p), 0}},
        {"unaligned and no length", EINVAL, SYS_munmap, {A(p + 1), 0}},
        {"length 0xffffffff", EINVAL, SYS_munmap, {A(p), -1}},
        {"length 0xfffff000", EINVAL, SYS_munmap, {A(p), -PAGE}},
        {"at 0xfffff000", EINVAL, SYS_munmap, {-PAGE, PAGE}},
        {"from the user's to 0xfffff000", EINVAL, SYS_munmap, {A(p), -PAGE - A(p)}},
    };
    check_calls(calls, COUNT(calls));
    CHECK("bad calls changed nothing", holds(p, 0, 4, 9));
    leave(p, 4);
}
