/* SPDX-License-Identifier: MIT
 * mprotect: rights of whole mappings and of parts, seen by what happens to children that use them. */
#include <fcntl.h>
#include <string.h>

#include "user/glibc/vmcheck/vmcheck.h"

static void whole(void)
{
    char *p = room(3);
    put_stamped(p, 3, 1);
    CHECK_CALL("to read", 0, mprotect(p, 3 * PAGE, PROT_READ));
    check_write("to read, written", SEGV, p);
    check_read("to read, read", FINE, p);
    CHECK("to read, content", holds(p, 0, 3, 1));
    CHECK_CALL("to write again", 0, mprotect(p, 3 * PAGE, RW));
    check_write("to write again, written", FINE, p + PAGE);
    CHECK_CALL("to nothing", 0, mprotect(p, 3 * PAGE, PROT_NONE));
    check_read("to nothing, read", SEGV, p);
    check_write("to nothing, written", SEGV, p + 2 * PAGE);
    CHECK_CALL("from nothing to read", 0, mprotect(p, 3 * PAGE, PROT_READ));
    CHECK("from nothing to read, content", holds(p, 0, 3, 1));
    check_write("from nothing to read, written", SEGV, p);
    CHECK_CALL("to write only", 0, mprotect(p, 3 * PAGE, PROT_WRITE));
    check_read("to write only, read", FINE, p);
    CHECK_CALL("to what it is", 0, mprotect(p, 3 * PAGE, PROT_WRITE));

    put(p, 3, PROT_NONE, ANON);
    CHECK_CALL("untouched, from nothing", 0, mprotect(p, 3 * PAGE, RW));
    CHECK("untouched, from nothing, zero", zeros(p, 3));
    put(p, 3, RW, ANON);
    mprotect(p, 3 * PAGE, PROT_READ);
    CHECK("untouched, to read, zero", zeros(p, 3));
    mprotect(p, 3 * PAGE, RW);
    stamp(p + PAGE, 1, 1, 2);
    CHECK("read as zeros, then allowed and written",
          zeros(p, 1) && holds(p + PAGE, 1, 1, 2) && zeros(p + 2 * PAGE, 1));

    put(p, 3, RW, SHARED_ANON);
    stamp(p, 0, 3, 3);
    mprotect(p, 3 * PAGE, PROT_READ);
    check_write("shared, to read, written", SEGV, p);
    mprotect(p, 3 * PAGE, PROT_NONE);
    check_read("shared, to nothing, read", SEGV, p);
    mprotect(p, 3 * PAGE, RW);
    CHECK("shared, to write again, content", holds(p, 0, 3, 3));
    CHECK_CHILD("a child takes its own rights away", mprotect(p, 3 * PAGE, PROT_NONE) == 0);
    CHECK("and its parent keeps them", holds(p, 0, 3, 3));
    leave(p, 3);

    p = room(MANY);
    put_stamped(p, MANY, 4);
    mprotect(p, MANY * PAGE, PROT_NONE);
    mprotect(p, MANY * PAGE, PROT_READ);
    CHECK("many pages, to nothing and back, content", holds(p, 0, MANY, 4));
    check_write("many pages, to read, first written", SEGV, p);
    check_write("many pages, to read, last written", SEGV, p + (MANY - 1) * PAGE);
    leave(p, MANY);
}

static void parts(void)
{
    char *p = room(6);
    put_stamped(p, 5, 1);
    CHECK_CALL("the middle", 0, mprotect(p + 2 * PAGE, PAGE, PROT_READ));
    check_write("the middle, written", SEGV, p + 2 * PAGE);
    check_write("the middle, last byte written", SEGV, p + 3 * PAGE - 1);
    check_write("the middle, byte before written", FINE, p + 2 * PAGE - 1);
    check_write("the middle, byte behind written", FINE, p + 3 * PAGE);
    CHECK_CALL("more than the middle", 0, mprotect(p + PAGE, 3 * PAGE, PROT_NONE));
    check_read("more than the middle, read", SEGV, p + 3 * PAGE);
    CHECK("more than the middle, both sides", holds(p, 0, 1, 1) && holds(p + 4 * PAGE, 4, 1, 1));
    CHECK_CALL("all of it again", 0, mprotect(p, 5 * PAGE, RW));
    CHECK("all of it again, content", holds(p, 0, 5, 1));
    stamp(p, 0, 5, 2);
    CHECK("all of it again, written", holds(p, 0, 5, 2));
    CHECK_CALL("one byte", 0, mprotect(p, 1, PROT_READ));
    check_write("one byte means its page", SEGV, p + PAGE - 1);
    check_write("one byte means no more", FINE, p + PAGE);
    leave(p, 6);
}

static void holes(void)
{
    char *p = room(6);
    put_stamped(p, 2, 1);
    put_stamped(p + 3 * PAGE, 2, 2);
    CHECK_CALL("over a hole", ENOMEM, mprotect(p, 5 * PAGE, PROT_READ));
    check_write("over a hole, before it", SEGV, p + PAGE);
    check_write("over a hole, behind it", FINE, p + 3 * PAGE);
    check_read("over a hole, in it", SEGV, p + 2 * PAGE);
    put_stamped(p, 2, 1);
    CHECK_CALL("a hole comes first", ENOMEM, mprotect(p + 2 * PAGE, 2 * PAGE, PROT_READ));
    check_write("a hole comes first, behind it", FINE, p + 3 * PAGE);
    CHECK_CALL("a hole comes last", ENOMEM, mprotect(p + 3 * PAGE, 3 * PAGE, PROT_READ));
    check_write("a hole comes last, before it", SEGV, p + 4 * PAGE);
    CHECK("holes, content", holds(p, 0, 2, 1) && holds(p + 3 * PAGE, 0, 2, 2));
    leave(p, 6);
}

static void of_files(void)
{
    int fd = file_new(2, 1);
    if (fd == -1)
        return;
    int reader = file_again(O_RDONLY);
    char *p = room(6);
    put_stamped(p, 1, 2);
    put_file(p + PAGE, 1, PROT_READ, MAP_SHARED, reader, 0);
    put_file(p + 2 * PAGE, 2, PROT_READ, MAP_PRIVATE, reader, 0);
    CHECK_CALL("shared read-only file, to write", EACCES, mprotect(p + PAGE, PAGE, RW));
    CHECK_CALL("shared read-only file, to nothing", 0, mprotect(p + PAGE, PAGE, PROT_NONE));
    CHECK_CALL("shared read-only file, to read", 0, mprotect(p + PAGE, PAGE, PROT_READ));
    CHECK("shared read-only file, content", holds(p + PAGE, 0, 1, 1));
    CHECK_CALL("private read-only file, to write", 0, mprotect(p + 2 * PAGE, 2 * PAGE, RW));
    stamp(p + 2 * PAGE, 0, 1, 3);
    CHECK("private read-only file, the copy", holds(p + 2 * PAGE, 0, 1, 3) && holds(p + 3 * PAGE, 1, 1, 1));
    mprotect(p + 2 * PAGE, 2 * PAGE, PROT_READ);
    CHECK("private read-only file, the copy is kept", holds(p + 2 * PAGE, 0, 1, 3));
    mprotect(p, PAGE, PROT_READ);
    CHECK_CALL("several mappings, one refuses", EACCES, mprotect(p, 3 * PAGE, RW));
    check_write("several mappings, before that one", FINE, p);
    check_write("several mappings, that one", SEGV, p + PAGE);
    check_write("several mappings, behind that one", SEGV, p + 2 * PAGE);
    CHECK_CALL("several mappings, all agree", 0, mprotect(p, 4 * PAGE, PROT_READ));
    check_write("several mappings, first", SEGV, p);
    check_write("several mappings, last", SEGV, p + 3 * PAGE);

    put_file(p, 2, PROT_READ, MAP_SHARED, fd, 0);
    CHECK_CALL("shared file, to write", 0, mprotect(p, 2 * PAGE, RW));
    stamp(p, 0, 1, 4);
    CHECK("shared file, to write, written", file_holds(fd, 0, 1, 4));
    leave(p, 6);
    close(reader);
    file_end(fd);
}

static void code(void)
{
    static const unsigned char return_42[] = {0xb8, 42, 0, 0, 0, 0xc3}; /* mov $42, %eax; ret */
    char *p = room(1);
    put(p, 1, RW, ANON);
    memcpy(p, return_42, sizeof return_42);
    CHECK_CALL("to execute", 0, mprotect(p, PAGE, PROT_READ | PROT_EXEC));
    CHECK_CHILD("to execute, run", ((int (*)(void))p)() == 42);
    check_write("to execute, written", SEGV, p);
    leave(p, 1);
}

void section_mprotect(void)
{
    const long down = 0x01000000, up = 0x02000000; /* PROT_GROWSDOWN, PROT_GROWSUP */
    whole();
    parts();
    holes();
    of_files();
    code();
    char *p = room(3);
    put_stamped(p, 2, 9);
    const struct call calls[] = {
        {"unaligned", EINVAL, SYS_mprotect, {A(p + 1), PAGE, PROT_READ}},
        {"unaligned and no length", EINVAL, SYS_mprotect, {A(p + 1), 0, PROT_READ}},
        {"no length", 0, SYS_mprotect, {A(p), 0, PROT_READ}},
        {"no length, in a hole", 0, SYS_mprotect, {A(p + 2 * PAGE), 0, PROT_READ}},
        {"unknown right", EINVAL, SYS_mprotect, {A(p), PAGE, PROT_READ | 0x100}},
        {"unknown right, in a hole", EINVAL, SYS_mprotect, {A(p + 2 * PAGE), PAGE, 0x100}},
        {"growsdown and growsup", EINVAL, SYS_mprotect, {A(p), PAGE, PROT_READ | down | up}},
        {"growsdown of what does not grow", EINVAL, SYS_mprotect, {A(p), PAGE, PROT_READ | down}},
        {"in a hole", ENOMEM, SYS_mprotect, {A(p + 2 * PAGE), PAGE, PROT_READ}},
        {"length 0xfffff000, in a hole", ENOMEM, SYS_mprotect, {A(p + 2 * PAGE), -PAGE, PROT_READ}},
        {"at 0xffffe000", ENOMEM, SYS_mprotect, {A(KERNEL_ADDRESS), PAGE, PROT_READ}},
    };
    check_calls(calls, COUNT(calls));
    check_write("bad calls changed nothing", FINE, p);
    CHECK("bad calls changed no content", holds(p, 0, 2, 9));
    leave(p, 3);
}
