/* SPDX-License-Identifier: MIT
 * madvise and mincore: what advice does to content and residence, as far as a kernel must do it. */
#include "user/glibc/vmcheck/vmcheck.h"

static void dont_need(void)
{
    char *p = room(6);
    put_stamped(p, 5, 1);
    CHECK_CALL("dontneed the middle", 0, madvise(p + PAGE, 2 * PAGE, MADV_DONTNEED));
    CHECK("dontneed the middle, zero", zeros(p + PAGE, 2));
    CHECK("dontneed the middle, both sides", holds(p, 0, 1, 1) && holds(p + 3 * PAGE, 3, 2, 1));
    stamp(p + PAGE, 1, 2, 2);
    CHECK("dontneed, written again", holds(p + PAGE, 1, 2, 2));
    CHECK_CALL("dontneed one byte", 0, madvise(p, 1, MADV_DONTNEED));
    CHECK("dontneed one byte means its page", zeros(p, 1) && holds(p + PAGE, 1, 1, 2));
    mprotect(p + PAGE, PAGE, PROT_READ);
    CHECK_CALL("dontneed read-only", 0, madvise(p + PAGE, PAGE, MADV_DONTNEED));
    CHECK("dontneed read-only, zero", zeros(p + PAGE, 1));
    mprotect(p + 2 * PAGE, PAGE, PROT_NONE);
    CHECK_CALL("dontneed without rights", 0, madvise(p + 2 * PAGE, PAGE, MADV_DONTNEED));
    mprotect(p + 2 * PAGE, PAGE, PROT_READ);
    CHECK("dontneed without rights, zero", zeros(p + 2 * PAGE, 1));

    put_stamped(p, 2, 3);
    munmap(p + 2 * PAGE, PAGE);
    put_stamped(p + 3 * PAGE, 2, 4);
    CHECK_CALL("dontneed over a hole", ENOMEM, madvise(p, 5 * PAGE, MADV_DONTNEED));
    CHECK("dontneed over a hole, before it", zeros(p, 2));
    CHECK("dontneed over a hole, behind it", zeros(p + 3 * PAGE, 2));

    put(p, 2, RW, SHARED_ANON);
    stamp(p, 0, 2, 5);
    CHECK_CALL("dontneed shared", 0, madvise(p, 2 * PAGE, MADV_DONTNEED));
    CHECK("dontneed shared, content", holds(p, 0, 2, 5));

    put_stamped(p, 2, 6);
    CHECK_CHILD("dontneed in a child", madvise(p, 2 * PAGE, MADV_DONTNEED) == 0 && zeros(p, 2));
    CHECK("dontneed in a child, its parent", holds(p, 0, 2, 6));
    leave(p, 6);

    p = room(MANY);
    put_stamped(p, MANY, 7);
    madvise(p, MANY * PAGE, MADV_DONTNEED);
    CHECK("dontneed many pages", zeros(p, MANY));
    leave(p, MANY);
}

/* Pages that were given up may be zero or old, but nothing else. */
static int old_or_zero(const char *p, unsigned pages, unsigned tag)
{
    for (unsigned i = 0; i < pages; i++)
        if (!zeros(p + i * PAGE, 1) && !holds(p + i * PAGE, i, 1, tag))
            return 0;
    return 1;
}

static void free_lazily(void)
{
    char *p = room(4);
    put_stamped(p, 4, 1);
    CHECK_CALL("free", 0, madvise(p, 3 * PAGE, MADV_FREE));
    CHECK("free, old or zero", old_or_zero(p, 3, 1));
    CHECK("free, behind it", holds(p + 3 * PAGE, 3, 1, 1));
    stamp(p, 0, 2, 2);
    CHECK("free, written again", holds(p, 0, 2, 2));
    CHECK("free, not written again, old or zero", zeros(p + 2 * PAGE, 1) || holds(p + 2 * PAGE, 2, 1, 1));
    put_stamped(p, 1, 3);
    madvise(p, PAGE, MADV_FREE);
    p[100] = 77;
    CHECK("free, a byte written again", p[100] == 77);
    put_stamped(p, 2, 4);
    CHECK_CHILD("free in a child", madvise(p, 2 * PAGE, MADV_FREE) == 0 && old_or_zero(p, 2, 4));
    CHECK("free in a child, its parent", holds(p, 0, 2, 4));
    leave(p, 4);
}

static void keeps_content(void)
{
    static const struct {
        const char *what;
        int advice;
    } cases[] = {
        {"normal", MADV_NORMAL},     {"random", MADV_RANDOM}, {"sequential", MADV_SEQUENTIAL},
        {"willneed", MADV_WILLNEED}, {"cold", MADV_COLD},     {"pageout", MADV_PAGEOUT},
        {"dontfork", MADV_DONTFORK}, {"dofork", MADV_DOFORK},
    };
    char *p = room(4);
    put_stamped(p, 2, 1);
    put(p + 2 * PAGE, 2, RW, SHARED_ANON);
    stamp(p + 2 * PAGE, 2, 2, 1);
    for (size_t i = 0; i < COUNT(cases); i++) {
        CHECK_CALL(cases[i].what, 0, madvise(p, 4 * PAGE, cases[i].advice));
        CHECK(joined(cases[i].what, ", content"), holds(p, 0, 4, 1));
    }
    /* Kernels without KSM say EINVAL. */
    int merged = madvise(p, 2 * PAGE, MADV_MERGEABLE) == 0 || errno == EINVAL;
    merged &= madvise(p, 2 * PAGE, MADV_UNMERGEABLE) == 0 || errno == EINVAL;
    CHECK("mergeable and not, or unknown", merged && holds(p, 0, 4, 1));
    leave(p, 4);

    p = room(MANY);
    put_stamped(p, MANY, 2);
    CHECK_CALL("pageout many", 0, madvise(p, MANY * PAGE, MADV_PAGEOUT));
    CHECK("pageout many, content", holds(p, 0, MANY, 2));
    madvise(p, MANY * PAGE, MADV_PAGEOUT);
    CHECK_CALL("pageout, then willneed", 0, madvise(p, MANY * PAGE, MADV_WILLNEED));
    CHECK("pageout, then willneed, content", holds(p, 0, MANY, 2));
    madvise(p, MANY * PAGE, MADV_PAGEOUT);
    CHECK_CALL("pageout, then dontneed", 0, madvise(p, MANY * PAGE, MADV_DONTNEED));
    CHECK("pageout, then dontneed, zero", zeros(p, MANY));
    leave(p, MANY);
}

static void dont_fork(void)
{
    char *p = room(3);
    put_stamped(p, 3, 1);
    CHECK_CALL("dontfork the middle", 0, madvise(p + PAGE, PAGE, MADV_DONTFORK));
    check_read("dontfork, read by a child", SEGV, p + PAGE);
    CHECK_CHILD("dontfork, both sides in a child", holds(p, 0, 1, 1) && holds(p + 2 * PAGE, 2, 1, 1));
    CHECK_CHILD("dontfork, a child maps there",
                mmap(p + PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0) == p + PAGE && zeros(p + PAGE, 1));
    CHECK("dontfork, the parent", holds(p, 0, 3, 1));
    CHECK_CALL("dontfork, then dofork", 0, madvise(p + PAGE, PAGE, MADV_DOFORK));
    CHECK_CHILD("dontfork, then dofork, in a child", holds(p, 0, 3, 1));
    leave(p, 3);
}

static void of_files(void)
{
    int fd = file_new(3, 1);
    if (fd == -1)
        return;
    char *p = room(3);
    put_file(p, 3, RW, MAP_PRIVATE, fd, 0);
    stamp(p, 0, 2, 2);
    CHECK_CALL("private file, dontneed", 0, madvise(p, PAGE, MADV_DONTNEED));
    CHECK("private file, dontneed, the file's page", holds(p, 0, 1, 1));
    CHECK("private file, dontneed, the other copy", holds(p + PAGE, 1, 1, 2));
    CHECK_CALL("private file, free", EINVAL, madvise(p, 3 * PAGE, MADV_FREE));
    CHECK_CALL("private file, pageout", 0, madvise(p, 3 * PAGE, MADV_PAGEOUT));
    CHECK("private file, pageout, content",
          holds(p, 0, 1, 1) && holds(p + PAGE, 1, 1, 2) && holds(p + 2 * PAGE, 2, 1, 1));

    put_file(p, 3, RW, MAP_SHARED, fd, 0);
    stamp(p, 0, 2, 3);
    CHECK_CALL("shared file, dontneed", 0, madvise(p, 3 * PAGE, MADV_DONTNEED));
    CHECK("shared file, dontneed, content", holds(p, 0, 2, 3) && holds(p + 2 * PAGE, 2, 1, 1));
    CHECK("shared file, dontneed, the file", file_holds(fd, 0, 2, 3));
    stamp(p, 0, 1, 4);
    CHECK_CALL("shared file, pageout", 0, madvise(p, 3 * PAGE, MADV_PAGEOUT));
    CHECK("shared file, pageout, content", holds(p, 0, 1, 4) && holds(p + PAGE, 1, 1, 3));
    CHECK_CALL("shared file, willneed", 0, madvise(p, 3 * PAGE, MADV_WILLNEED));
    CHECK_CALL("shared file, sequential", 0, madvise(p, 3 * PAGE, MADV_SEQUENTIAL));
    CHECK_CALL("shared file, free", EINVAL, madvise(p, 3 * PAGE, MADV_FREE));
    leave(p, 3);
    file_end(fd);
}

void section_madvise(void)
{
    dont_need();
    free_lazily();
    keeps_content();
    dont_fork();
    of_files();
    char *p = room(5);
    put_stamped(p, 2, 9);
    put(p + 3 * PAGE, 1, RW, SHARED_ANON);
    const struct call calls[] = {
        {"unknown advice", EINVAL, SYS_madvise, {A(p), PAGE, 12345}},
        {"unknown advice, no length", EINVAL, SYS_madvise, {A(p), 0, 12345}},
        {"unknown advice, in a hole", EINVAL, SYS_madvise, {A(p + 2 * PAGE), PAGE, 12345}},
        {"advice -1", EINVAL, SYS_madvise, {A(p), PAGE, -1}},
        {"unaligned", EINVAL, SYS_madvise, {A(p + 1), PAGE, MADV_DONTNEED}},
        {"unaligned, no length", EINVAL, SYS_madvise, {A(p + 1), 0, MADV_DONTNEED}},
        {"no length", 0, SYS_madvise, {A(p), 0, MADV_DONTNEED}},
        {"no length, in a hole", 0, SYS_madvise, {A(p + 2 * PAGE), 0, MADV_DONTNEED}},
        {"dontneed in a hole", ENOMEM, SYS_madvise, {A(p + 2 * PAGE), PAGE, MADV_DONTNEED}},
        {"normal in a hole", ENOMEM, SYS_madvise, {A(p + 2 * PAGE), PAGE, MADV_NORMAL}},
        {"willneed over a hole", ENOMEM, SYS_madvise, {A(p), 4 * PAGE, MADV_WILLNEED}},
        {"pageout over a hole", ENOMEM, SYS_madvise, {A(p), 4 * PAGE, MADV_PAGEOUT}},
        {"free shared", EINVAL, SYS_madvise, {A(p + 3 * PAGE), PAGE, MADV_FREE}},
        {"at 0xffffe000", ENOMEM, SYS_madvise, {A(KERNEL_ADDRESS), PAGE, MADV_DONTNEED}},
    };
    check_calls(calls, COUNT(calls));
    CHECK("bad calls changed nothing", holds(p, 0, 2, 9));
    leave(p, 5);
}

/* mincore ------------------------------------------------------------------------------------------------ */

static void residence(int flags, const char *kind)
{
    char *p = room(3);
    put(p, 3, RW, flags);
    CHECK_NUMBER(joined(kind, ", untouched"), 0, resident(p) + resident(p + PAGE) + resident(p + 2 * PAGE));
    (void)*(volatile char *)(p + PAGE);
    CHECK_NUMBER(joined(kind, ", read"), 1, resident(p + PAGE));
    p[2 * PAGE] = 1;
    CHECK_NUMBER(joined(kind, ", written"), 1, resident(p + 2 * PAGE));
    CHECK_NUMBER(joined(kind, ", still untouched"), 0, resident(p));
    leave(p, 3);
}

void section_mincore(void)
{
    residence(ANON, "anonymous");
    residence(SHARED_ANON, "shared anonymous");
    unsigned char vector[8] = {2, 2, 2, 2, 2, 2, 2, 2};
    char *p = room(6);
    put(p, 4, RW, ANON);
    p[0] = p[2 * PAGE] = 1;
    CHECK_CALL("several pages", 0, mincore(p, 3 * PAGE + 1, vector));
    CHECK_NUMBER("several pages, which", 1010,
                 (vector[0] & 1) * 1000 + (vector[1] & 1) * 100 + (vector[2] & 1) * 10 + (vector[3] & 1));
    CHECK_NUMBER("several pages, no byte more is written", 2, vector[4]);
    madvise(p, 4 * PAGE, MADV_DONTNEED);
    CHECK_NUMBER("after dontneed", 0, resident(p) + resident(p + 2 * PAGE));
    p[0] = 1;
    mprotect(p, PAGE, PROT_NONE);
    CHECK_NUMBER("touched, then without rights", 1, resident(p));
    CHECK_NUMBER("never touched, without rights", 0, resident(p + PAGE));
    CHECK_CHILD("in a child", resident(p) == 1 && resident(p + PAGE) == 0);
    int fd = file_new(1, 1);
    if (fd != -1) {
        put_file(p, 1, RW, MAP_SHARED, fd, 0);
        p[0] = 1;
        CHECK_NUMBER("shared file, written", 1, resident(p));
        put_file(p, 1, RW, MAP_PRIVATE, fd, 0);
        p[0] = 2;
        CHECK_NUMBER("private file, written", 1, resident(p));
        file_end(fd);
    }
    const struct call calls[] = {
        {"unaligned", EINVAL, SYS_mincore, {A(p + 1), PAGE, A(vector)}},
        {"no length", 0, SYS_mincore, {A(p), 0, A(vector)}},
        {"in a hole", ENOMEM, SYS_mincore, {A(p + 4 * PAGE), PAGE, A(vector)}},
        {"over the end", ENOMEM, SYS_mincore, {A(p), 5 * PAGE, A(vector)}},
        {"at 0xffffe000", ENOMEM, SYS_mincore, {A(KERNEL_ADDRESS), PAGE, A(vector)}},
        {"vector in a hole", EFAULT, SYS_mincore, {A(p + PAGE), PAGE, A(p + 4 * PAGE)}},
        {"vector read-only", EFAULT, SYS_mincore, {A(p + PAGE), PAGE, A(section_mincore)}},
        {"vector at 0xfffff000", EFAULT, SYS_mincore, {A(p + PAGE), PAGE, -PAGE}},
    };
    check_calls(calls, COUNT(calls));
    leave(p, 6);
}
