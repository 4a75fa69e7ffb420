/* SPDX-License-Identifier: MIT
 * mmap2: what is mapped, where, with which rights, and what is refused. */
#include <fcntl.h>
#include <stdlib.h>

#include "user/glibc/vmcheck/vmcheck.h"

static void anonymous(void)
{
    char *p = mmap(NULL, 3 * PAGE, RW, ANON, -1, 0), *q = mmap(NULL, 2 * PAGE, RW, ANON, -1, 0);
    CHECK("anonymous", p != MAP_FAILED && q != MAP_FAILED);
    CHECK("anonymous begins with a page", A(p) % PAGE == 0 && A(q) % PAGE == 0);
    CHECK("two mappings have places of their own", q >= p + 3 * PAGE || p >= q + 2 * PAGE);
    CHECK("anonymous is zero", zeros(p, 3) && zeros(q, 2));
    stamp(p, 0, 3, 1);
    stamp(q, 0, 2, 2);
    CHECK("anonymous keeps what is written", holds(p, 0, 3, 1) && holds(q, 0, 2, 2));
    munmap(p, 3 * PAGE);
    munmap(q, 2 * PAGE);

    p = mmap(NULL, 2 * PAGE, RW, SHARED_ANON, -1, 0);
    CHECK("shared anonymous is zero", p != MAP_FAILED && zeros(p, 2));
    stamp(p, 0, 2, 3);
    CHECK("shared anonymous keeps what is written", holds(p, 0, 2, 3));
    munmap(p, 2 * PAGE);

    const size_t large = 64 << 20;
    p = mmap(NULL, large, RW, ANON | MAP_NORESERVE, -1, 0);
    CHECK("64 MiB without reserve", p != MAP_FAILED);
    stamp(p, 0, 1, 4);
    stamp(p + large - PAGE, 0, 1, 5);
    CHECK("64 MiB without reserve, both ends used", holds(p, 0, 1, 4) && holds(p + large - PAGE, 0, 1, 5));
    CHECK("64 MiB without reserve, zero between", zeros(p + large / 2, 1));
    munmap(p, large);

    p = mmap(NULL, 3 * PAGE, RW, ANON | MAP_POPULATE, -1, 0);
    CHECK_NUMBER("populated is resident at once", 3,
                 resident(p) + resident(p + PAGE) + resident(p + 2 * PAGE));
    CHECK("populated is zero", zeros(p, 3));
    munmap(p, 3 * PAGE);

    p = room(4);
    CHECK("a length is rounded up", mmap(p, PAGE + 1, RW, ANON | MAP_FIXED, -1, 0) == p);
    check_write("the last byte of the rounded length", FINE, p + 2 * PAGE - 1);
    check_write("the byte behind the rounded length", SEGV, p + 2 * PAGE);
    check_read("the byte before a mapping", SEGV, p - 1);
    leave(p, 4);
}

static void rights(void)
{
    static const struct {
        const char *what;
        int prot;
        const char *can_read, *can_write;
    } cases[] = {
        {"PROT_NONE", PROT_NONE, SEGV, SEGV},
        {"PROT_READ", PROT_READ, FINE, SEGV},
        {"PROT_WRITE", PROT_WRITE, FINE, FINE},
        {"PROT_READ|WRITE", RW, FINE, FINE},
        {"PROT_READ|EXEC", PROT_READ | PROT_EXEC, FINE, SEGV},
        {"PROT_READ|WRITE|EXEC", RW | PROT_EXEC, FINE, FINE},
    };
    char *p = room(2);
    for (size_t i = 0; i < COUNT(cases); i++) {
        put(p, 1, cases[i].prot, ANON);
        check_read(joined(cases[i].what, ", read"), cases[i].can_read, p);
        check_write(joined(cases[i].what, ", written"), cases[i].can_write, p);
        put(p, 1, cases[i].prot, SHARED_ANON);
        check_read(joined(cases[i].what, ", shared, read"), cases[i].can_read, p);
        check_write(joined(cases[i].what, ", shared, written"), cases[i].can_write, p);
    }
    leave(p, 2);
}

static void fixed(void)
{
    char *p = room(8);
    put_stamped(p, 3, 1);
    CHECK("fixed comes where it is wanted", mmap(p + PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0) == p + PAGE);
    CHECK("fixed replaces the middle by zeros", zeros(p + PAGE, 1));
    CHECK("fixed leaves both sides", holds(p, 0, 1, 1) && holds(p + 2 * PAGE, 2, 1, 1));
    put(p + PAGE, 1, PROT_NONE, ANON);
    check_read("the middle replaced by PROT_NONE", SEGV, p + PAGE);
    CHECK("both sides of PROT_NONE", holds(p, 0, 1, 1) && holds(p + 2 * PAGE, 2, 1, 1));
    put_stamped(p + 5 * PAGE, 2, 2);
    put(p + 2 * PAGE, 4, RW, ANON);
    CHECK("fixed over a part, a hole and a part", zeros(p + 2 * PAGE, 4));
    CHECK("fixed over a part, a hole and a part: the rest",
          holds(p, 0, 1, 1) && holds(p + 6 * PAGE, 1, 1, 2));
    put(p, 8, RW, SHARED_ANON);
    CHECK("shared over all of it", zeros(p, 8));
    leave(p, 8);

    p = room(4);
    int flags = ANON | MAP_FIXED_NOREPLACE;
    CHECK("noreplace, free", mmap(p + PAGE, 2 * PAGE, RW, flags, -1, 0) == p + PAGE);
    stamp(p + PAGE, 0, 2, 3);
    CHECK_CALL("noreplace, taken", EEXIST, mmap(p + PAGE, 2 * PAGE, RW, flags, -1, 0));
    CHECK_CALL("noreplace, end taken", EEXIST, mmap(p, 2 * PAGE, RW, flags, -1, 0));
    CHECK_CALL("noreplace, start taken", EEXIST, mmap(p + 2 * PAGE, 2 * PAGE, RW, flags, -1, 0));
    CHECK_CALL("noreplace, middle taken", EEXIST, mmap(p, 4 * PAGE, RW, flags, -1, 0));
    CHECK("noreplace replaced nothing", holds(p + PAGE, 0, 2, 3));
    check_read("noreplace mapped nothing before", SEGV, p);
    check_read("noreplace mapped nothing behind", SEGV, p + 3 * PAGE);
    CHECK("noreplace beside", mmap(p, PAGE, RW, flags, -1, 0) == p);
    leave(p, 4);
}

/* Asks for two pages near a place, and gives back what it got. => how far from the place, or -1 if it failed
 */
static long offered(char *hint)
{
    char *got = mmap(hint, 2 * PAGE, RW, ANON, -1, 0);
    if (got == MAP_FAILED)
        return -1;
    munmap(got, 2 * PAGE);
    return labs((long)(got - hint));
}

static void hints(void)
{
    char *p = room(8);
    CHECK_NUMBER("hint at a free place", 0, offered(p + 2 * PAGE));
    CHECK_NUMBER("hint inside a free page", 123, offered(p + 2 * PAGE + 123));
    put_stamped(p + 3 * PAGE, 2, 1);
    CHECK("hint at a mapping gives another place", offered(p + 3 * PAGE) > 0);
    CHECK("hint at a hole that is too small gives another place", offered(p + 2 * PAGE) > 0);
    CHECK("hints replace nothing", holds(p + 3 * PAGE, 0, 2, 1));
    CHECK_NUMBER("hint right behind a mapping", 0, offered(p + 5 * PAGE));
    CHECK("hint that is no user address gives another place", offered(KERNEL_ADDRESS) > 0);
    leave(p, 8);
}

static void grows_down(void)
{
    char *p = room(16);
    put(p + 12 * PAGE, 1, RW, ANON | MAP_GROWSDOWN);
    check_write("growsdown, the page below", FINE, p + 11 * PAGE);
    p[11 * PAGE] = 1;
    p[9 * PAGE] = 2;
    CHECK("growsdown, what comes below is zero", p[10 * PAGE] == 0 && p[9 * PAGE + 1] == 0);
    CHECK("growsdown, and kept", p[11 * PAGE] == 1 && p[9 * PAGE] == 2);
    leave(p, 16);
    p = room(4);
    put(p + 2 * PAGE, 1, RW, ANON);
    check_write("not growsdown, the page below", SEGV, p + PAGE);
    leave(p, 4);
}

static void files(int fd)
{
    char *p = room(4);
    put_file(p, 3, PROT_READ, MAP_PRIVATE, fd, 0);
    CHECK("private file", holds(p, 0, 3, 1));
    put_file(p, 3, RW, MAP_SHARED, fd, 0);
    CHECK("shared file", holds(p, 0, 3, 1));
    put_file(p, 2, PROT_READ, MAP_SHARED, fd, 1);
    CHECK("file from its second page", holds(p, 1, 2, 1));
    long got = syscall(SYS_mmap2, p, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 2);
    CHECK("mmap2's offset counts pages", got == A(p) && holds(p, 2, 1, 1));
    put_file(p, 3, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    CHECK("private file, populated", holds(p, 0, 3, 1));
    put_file(p, 1, RW, MAP_PRIVATE, fd, 3);
    check_read("page of a file behind its end, read", BUS, p);
    check_write("page of a file behind its end, written", BUS, p);
    put_file(p, 3, RW, MAP_PRIVATE, fd, 0);
    put(p + PAGE, 1, RW, ANON);
    CHECK("anonymous over the middle of a file", zeros(p + PAGE, 1));
    CHECK("both sides of it", holds(p, 0, 1, 1) && holds(p + 2 * PAGE, 2, 1, 1));
    put_file(p + PAGE, 1, RW, MAP_PRIVATE, fd, 1);
    CHECK("and the file again", holds(p, 0, 3, 1));
    leave(p, 4);
    CHECK_CALL("an anonymous mapping does not look at fd", 0, mmap(NULL, PAGE, RW, ANON, 999, 0));
}

static void bad_calls(int fd)
{
    char *p = room(4);
    int reader = file_again(O_RDONLY), writer = file_again(O_WRONLY);
    const long fixed_anon = ANON | MAP_FIXED;
    put_stamped(p, 2, 9);
    const struct call calls[] = {
        {"no length", EINVAL, SYS_mmap2, {0, 0, RW, ANON, -1, 0}},
        {"no length, fixed", EINVAL, SYS_mmap2, {A(p), 0, RW, fixed_anon, -1, 0}},
        {"length 0xffffffff", ENOMEM, SYS_mmap2, {0, -1, RW, ANON, -1, 0}},
        {"length 0xfffff000", ENOMEM, SYS_mmap2, {0, -PAGE, RW, ANON, -1, 0}},
        {"neither shared nor private", EINVAL, SYS_mmap2, {0, PAGE, RW, MAP_ANONYMOUS, -1, 0}},
        {"fixed, unaligned", EINVAL, SYS_mmap2, {A(p + 1), PAGE, RW, fixed_anon, -1, 0}},
        {"fixed, at 0xffffe000", ENOMEM, SYS_mmap2, {A(KERNEL_ADDRESS), PAGE, RW, fixed_anon, -1, 0}},
        {"fixed, at 0xfffff000", ENOMEM, SYS_mmap2, {-PAGE, PAGE, RW, fixed_anon, -1, 0}},
        {"fixed, from the user's to 0xfffff000",
         ENOMEM,
         SYS_mmap2,
         {A(p), -PAGE - A(p), RW, fixed_anon, -1, 0}},
        {"noreplace, unaligned", EINVAL, SYS_mmap2, {A(p + 1), PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0}},
        {"noreplace, at 0xffffe000",
         ENOMEM,
         SYS_mmap2,
         {A(KERNEL_ADDRESS), PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0}},
        {"shared anonymous growsdown", EINVAL, SYS_mmap2, {0, PAGE, RW, SHARED_ANON | MAP_GROWSDOWN, -1, 0}},
        {"an unknown flag does not matter",
         0,
         SYS_mmap2,
         {A(p + 3 * PAGE), PAGE, RW, fixed_anon | 0x10000000, -1, 0}},
        {"fd -1", EBADF, SYS_mmap2, {0, PAGE, RW, MAP_PRIVATE, -1, 0}},
        {"fd 999", EBADF, SYS_mmap2, {0, PAGE, RW, MAP_SHARED, 999, 0}},
        {"fd 999 and no length", EBADF, SYS_mmap2, {0, 0, RW, MAP_SHARED, 999, 0}},
    };
    check_calls(calls, COUNT(calls));
    CHECK("bad calls changed nothing", holds(p, 0, 2, 9));
    const struct call file_calls[] = {
        {"file, no length", EINVAL, SYS_mmap2, {0, 0, RW, MAP_PRIVATE, fd, 0}},
        {"file, neither shared nor private", EINVAL, SYS_mmap2, {0, PAGE, RW, 0, fd, 0}},
        {"file, growsdown", EINVAL, SYS_mmap2, {0, PAGE, RW, MAP_PRIVATE | MAP_GROWSDOWN, fd, 0}},
        {"file, fixed, unaligned", EINVAL, SYS_mmap2, {A(p + 1), PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0}},
        {"read-only file, shared, to write", EACCES, SYS_mmap2, {0, PAGE, RW, MAP_SHARED, reader, 0}},
        {"read-only file, shared, to read",
         0,
         SYS_mmap2,
         {A(p), PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, reader, 0}},
        {"read-only file, private, to write",
         0,
         SYS_mmap2,
         {A(p), PAGE, RW, MAP_PRIVATE | MAP_FIXED, reader, 0}},
        {"write-only file, shared, to write",
         EACCES,
         SYS_mmap2,
         {0, PAGE, PROT_WRITE, MAP_SHARED, writer, 0}},
        {"write-only file, private, to read",
         EACCES,
         SYS_mmap2,
         {0, PAGE, PROT_READ, MAP_PRIVATE, writer, 0}},
        {"write-only file, no rights", EACCES, SYS_mmap2, {0, PAGE, PROT_NONE, MAP_PRIVATE, writer, 0}},
    };
    if (fd != -1)
        check_calls(file_calls, COUNT(file_calls));
    close(reader);
    close(writer);
    leave(p, 4);
}

void section_mmap(void)
{
    anonymous();
    rights();
    fixed();
    hints();
    grows_down();
    int fd = file_new(3, 1);
    if (fd != -1)
        files(fd);
    bad_calls(fd);
    if (fd != -1)
        file_end(fd);
}
