/* SPDX-License-Identifier: MIT
 * msync: what is accepted; and that the file holds what was written before. */
#include "user/glibc/vmcheck/vmcheck.h"

static void of_files(void)
{
    static const struct {
        const char *what;
        int flags;
    } cases[] = {
        {"sync", MS_SYNC},
        {"async", MS_ASYNC},
        {"invalidate", MS_INVALIDATE},
        {"sync and invalidate", MS_SYNC | MS_INVALIDATE},
        {"async and invalidate", MS_ASYNC | MS_INVALIDATE},
        {"no flags", 0},
    };
    int fd = file_new(3, 1);
    if (fd == -1)
        return;
    char *p = room(4);
    put_file(p, 3, RW, MAP_SHARED, fd, 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        stamp(p + PAGE, 1, 2, 10 + i);
        CHECK_CALL(cases[i].what, 0, msync(p, 3 * PAGE, cases[i].flags));
        CHECK(joined(cases[i].what, ", file and pages alike"),
              file_holds(fd, 0, 1, 1) && file_holds(fd, 1, 2, 10 + i) && holds(p + PAGE, 1, 2, 10 + i));
    }
    stamp(p, 0, 1, 2);
    CHECK_CALL("part of a page", 0, msync(p, 1, MS_SYNC));
    munmap(p + PAGE, PAGE);
    stamp(p + 2 * PAGE, 2, 1, 3);
    CHECK_CALL("over a hole", ENOMEM, msync(p, 3 * PAGE, MS_SYNC));
    CHECK("over a hole, the file", file_holds(fd, 0, 1, 2) && file_holds(fd, 2, 1, 3));
    put_file(p, 3, RW, MAP_PRIVATE, fd, 0);
    stamp(p, 0, 1, 4);
    CHECK_CALL("private", 0, msync(p, 3 * PAGE, MS_SYNC));
    CHECK("private, the file", file_holds(fd, 0, 1, 2));
    CHECK("private, the copy", holds(p, 0, 1, 4));
    CHECK_CALL("private, invalidate", 0, msync(p, 3 * PAGE, MS_INVALIDATE));
    CHECK("private, invalidate, the copy", holds(p, 0, 1, 4));
    put_file(p, 3, PROT_READ, MAP_SHARED, fd, 0);
    CHECK_CALL("read-only", 0, msync(p, 3 * PAGE, MS_SYNC));
    leave(p, 4);
    file_end(fd);
}

void section_msync(void)
{
    of_files();
    char *p = room(3);
    put_stamped(p, 2, 9);
    const struct call calls[] = {
        {"anonymous", 0, SYS_msync, {A(p), 2 * PAGE, MS_SYNC}},
        {"sync and async", EINVAL, SYS_msync, {A(p), PAGE, MS_SYNC | MS_ASYNC}},
        {"unknown flag", EINVAL, SYS_msync, {A(p), PAGE, 8}},
        {"unknown flag, in a hole", EINVAL, SYS_msync, {A(p + 2 * PAGE), PAGE, -1}},
        {"unaligned", EINVAL, SYS_msync, {A(p + 1), PAGE, MS_SYNC}},
        {"unaligned, no length", EINVAL, SYS_msync, {A(p + 1), 0, MS_SYNC}},
        {"no length", 0, SYS_msync, {A(p), 0, MS_SYNC}},
        {"no length, in a hole", 0, SYS_msync, {A(p + 2 * PAGE), 0, MS_SYNC}},
        {"in a hole", ENOMEM, SYS_msync, {A(p + 2 * PAGE), PAGE, MS_SYNC}},
        {"async, over the end", ENOMEM, SYS_msync, {A(p), 3 * PAGE, MS_ASYNC}},
        {"at 0xffffe000", ENOMEM, SYS_msync, {A(KERNEL_ADDRESS), PAGE, MS_SYNC}},
    };
    check_calls(calls, COUNT(calls));
    CHECK("bad calls changed nothing", holds(p, 0, 2, 9));
    leave(p, 3);
}
