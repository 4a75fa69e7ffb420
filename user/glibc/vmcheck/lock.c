/* SPDX-License-Identifier: MIT
 * mlock and its kin, never more than a few pages: the limit may be 64 KiB. Whether a page is locked shows in
 * that MADV_DONTNEED refuses it. */
#define _GNU_SOURCE
#include "user/glibc/vmcheck/vmcheck.h"

static int locked(char *p)
{
    return madvise(p, PAGE, MADV_DONTNEED) == -1 && errno == EINVAL;
}

static void lock_and_unlock(void)
{
    char *p = room(6);
    put(p, 3, RW, ANON);
    CHECK_CALL("lock", 0, mlock(p, 2 * PAGE));
    CHECK_NUMBER("lock makes resident", 2, resident(p) + resident(p + PAGE));
    CHECK_NUMBER("lock, behind it", 0, resident(p + 2 * PAGE));
    CHECK("lock, zero", zeros(p, 2));
    stamp(p, 0, 3, 1);
    CHECK_CALL("locked, dontneed", EINVAL, madvise(p, PAGE, MADV_DONTNEED));
    CHECK_CALL("locked, free", EINVAL, madvise(p, PAGE, MADV_FREE));
    CHECK_CALL("locked, cold", EINVAL, madvise(p, PAGE, MADV_COLD));
    CHECK_CALL("locked, pageout", EINVAL, madvise(p, PAGE, MADV_PAGEOUT));
    CHECK_CALL("locked, willneed", 0, madvise(p, PAGE, MADV_WILLNEED));
    CHECK_CALL("locked, normal", 0, madvise(p, PAGE, MADV_NORMAL));
    CHECK_CALL("locked, msync invalidate", EBUSY, msync(p, PAGE, MS_INVALIDATE));
    CHECK_CALL("locked, msync", 0, msync(p, PAGE, MS_SYNC));
    CHECK("locked, content", holds(p, 0, 3, 1));
    CHECK_CALL("lock again", 0, mlock(p, 2 * PAGE));
    CHECK_CALL("unlock", 0, munlock(p, 2 * PAGE));
    CHECK("locks do not add up", !locked(p) && !locked(p + PAGE));
    CHECK("unlocked, dontneed, zero", zeros(p, 2) && holds(p + 2 * PAGE, 2, 1, 1));
    CHECK_CALL("unlock again", 0, munlock(p, 2 * PAGE));

    CHECK_CALL("unaligned", 0, mlock(p + PAGE + 100, 10));
    CHECK("unaligned locks its page", !locked(p) && locked(p + PAGE) && !locked(p + 2 * PAGE));
    CHECK_CALL("unaligned unlock", 0, munlock(p + 2 * PAGE - 1, 1));
    CHECK("unaligned unlocks its page", !locked(p + PAGE));
    mlock(p + 2 * PAGE - 1, 2);
    CHECK("two bytes of two pages", !locked(p) && locked(p + PAGE) && locked(p + 2 * PAGE));
    munlock(p + PAGE, PAGE);
    CHECK("unlock a part", !locked(p + PAGE) && locked(p + 2 * PAGE));
    CHECK_CALL("unlock all", 0, munlockall());
    CHECK("unlock all, unlocked", !locked(p + 2 * PAGE));

    mlock(p, PAGE);
    CHECK_CALL("unmap locked", 0, munmap(p, PAGE));
    put(p, 1, RW, ANON);
    CHECK("mapped again, not locked", !locked(p));
    stamp(p, 0, 1, 2);
    mlock(p, PAGE);
    CHECK("moved", mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + 4 * PAGE) == p + 4 * PAGE);
    CHECK("moved, content", holds(p + 4 * PAGE, 0, 1, 2));
    CHECK("moved, locked", locked(p + 4 * PAGE));
    CHECK_CHILD("not inherited", !locked(p + 4 * PAGE) && zeros(p + 4 * PAGE, 1));
    CHECK_CHILD("a locked page is copied for a child",
                (stamp(p + 4 * PAGE, 0, 1, 3), holds(p + 4 * PAGE, 0, 1, 3)));
    CHECK("children leave it locked", locked(p + 4 * PAGE) && holds(p + 4 * PAGE, 0, 1, 2));
    stamp(p + 4 * PAGE, 0, 1, 4);
    CHECK("and it can be written", holds(p + 4 * PAGE, 0, 1, 4));
    munlockall();
    leave(p, 6);
}

static void kinds(void)
{
    char *p = room(4);
    put(p, 1, PROT_READ, ANON);
    CHECK_CALL("read-only", 0, mlock(p, PAGE));
    CHECK("read-only, locked", resident(p) == 1 && locked(p) && zeros(p, 1));
    put(p, 1, PROT_NONE, ANON);
    CHECK_CALL("without rights", ENOMEM, mlock(p, PAGE));
    put(p, 1, RW, SHARED_ANON);
    CHECK_CALL("shared", 0, mlock(p, PAGE));
    CHECK("shared, locked", resident(p) == 1 && locked(p));
    CHECK("mapped locked", mmap(p, 2 * PAGE, RW, ANON | MAP_FIXED | MAP_LOCKED, -1, 0) == p);
    CHECK_NUMBER("mapped locked is resident", 2, resident(p) + resident(p + PAGE));
    CHECK("mapped locked, locked", locked(p) && locked(p + PAGE));
    put(p, 2, RW, ANON);
    CHECK_CALL("on fault", 0, mlock2(p, 2 * PAGE, MLOCK_ONFAULT));
    CHECK_NUMBER("on fault, untouched", 0, resident(p) + resident(p + PAGE));
    p[0] = 1;
    CHECK_NUMBER("on fault, touched", 1, resident(p) + resident(p + PAGE));
    CHECK("on fault, locked", locked(p) && locked(p + PAGE));
    CHECK_CALL("mlock2 without flags", 0, mlock2(p, 2 * PAGE, 0));
    CHECK_NUMBER("mlock2 without flags makes resident", 2, resident(p) + resident(p + PAGE));
    put(p, 2, RW, ANON);
    put(p + 3 * PAGE, 1, RW, ANON);
    CHECK_CALL("over a hole", ENOMEM, mlock(p, 4 * PAGE));
    CHECK("over a hole, before it and behind it", locked(p) && locked(p + PAGE) && !locked(p + 3 * PAGE));
    CHECK_CALL("unlock over a hole", ENOMEM, munlock(p, 4 * PAGE));
    CHECK("unlock over a hole, before it", !locked(p) && !locked(p + PAGE));
    int fd = file_new(2, 1);
    if (fd != -1) {
        put_file(p, 2, RW, MAP_SHARED, fd, 0);
        CHECK_CALL("shared file", 0, mlock(p, 2 * PAGE));
        CHECK("shared file, locked", resident(p) == 1 && locked(p + PAGE) && holds(p, 0, 2, 1));
        put_file(p, 2, RW, MAP_PRIVATE, fd, 0);
        CHECK_CALL("private file", 0, mlock(p, 2 * PAGE));
        stamp(p, 0, 1, 2);
        CHECK("private file, locked", locked(p) && holds(p, 0, 1, 2) && holds(p + PAGE, 1, 1, 1));
        CHECK("private file, the file", file_holds(fd, 0, 2, 1));
        file_end(fd);
    }
    leave(p, 4);
}

/* In a child, because it locks what the process maps from then on. */
static int future(char *p)
{
    if (mlockall(MCL_FUTURE) != 0)
        return 0;
    char *q = mmap(p, 2 * PAGE, RW, ANON | MAP_FIXED, -1, 0);
    int good = q == p && resident(p) == 1 && resident(p + PAGE) == 1 && locked(p);
    return good && munlockall() == 0 && !locked(p) && mmap(p, PAGE, RW, ANON | MAP_FIXED, -1, 0) == p &&
           !locked(p);
}

void section_mlock(void)
{
    lock_and_unlock();
    kinds();
    char *p = room(2);
    CHECK_CHILD("all of the future, until unlocked", future(p));
    put(p, 1, RW, ANON);
    const struct call calls[] = {
        {"no length", 0, SYS_mlock, {A(p), 0}},
        {"no length, in a hole", 0, SYS_mlock, {A(p + PAGE), 0}},
        {"in a hole", ENOMEM, SYS_mlock, {A(p + PAGE), PAGE}},
        {"at 0xffffe000", ENOMEM, SYS_mlock, {A(KERNEL_ADDRESS), PAGE}},
        {"unlock no length", 0, SYS_munlock, {A(p), 0}},
        {"unlock in a hole", ENOMEM, SYS_munlock, {A(p + PAGE), PAGE}},
        {"unlock at 0xffffe000", ENOMEM, SYS_munlock, {A(KERNEL_ADDRESS), PAGE}},
        {"mlock2 with an unknown flag", EINVAL, SYS_mlock2, {A(p), PAGE, 2}},
        {"mlock2 with an unknown flag, in a hole", EINVAL, SYS_mlock2, {A(p + PAGE), PAGE, -1}},
        {"all without flags", EINVAL, SYS_mlockall, {0}},
        {"all with an unknown flag", EINVAL, SYS_mlockall, {MCL_CURRENT | 0x80}},
        {"all with nothing but on fault", EINVAL, SYS_mlockall, {MCL_ONFAULT}},
    };
    check_calls(calls, COUNT(calls));
    CHECK("bad calls locked nothing", !locked(p));
    leave(p, 2);
}
