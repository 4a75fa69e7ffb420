/* SPDX-License-Identifier: MIT
 * What grows: the heap by brk, the stack by being used. */
#include <sys/resource.h>

#include "user/glibc/vmcheck/vmcheck.h"

/* The C library's brk remembers; the call does not. => the end of the heap afterwards */
static char *brk_to(char *end)
{
    return (char *)syscall(SYS_brk, end);
}

static char *page_up(char *p)
{
    return p + (PAGE - A(p) % PAGE) % PAGE;
}

void section_brk(void)
{
    char *start = brk_to(NULL), *p = page_up(start);
    CHECK("asking changes nothing", brk_to(NULL) == start);
    CHECK("to where it is", brk_to(start) == start);
    CHECK("grow", brk_to(p + 4 * PAGE) == p + 4 * PAGE && brk_to(NULL) == p + 4 * PAGE);
    CHECK("grow, zero", zeros(p, 4));
    stamp(p, 0, 4, 1);
    CHECK("grow again", brk_to(p + 5 * PAGE) == p + 5 * PAGE);
    CHECK("grow again, content", holds(p, 0, 4, 1) && zeros(p + 4 * PAGE, 1));
    CHECK("shrink", brk_to(p + 2 * PAGE) == p + 2 * PAGE);
    check_read("shrink, behind", SEGV, p + 2 * PAGE);
    CHECK("shrink, content", holds(p, 0, 2, 1));
    brk_to(p + 4 * PAGE);
    CHECK("shrink and grow, content", holds(p, 0, 2, 1));
    CHECK("shrink and grow, zero", zeros(p + 2 * PAGE, 2));

    stamp(p + PAGE, 1, 1, 2);
    CHECK("to inside a page", brk_to(p + PAGE + 100) == p + PAGE + 100);
    check_write("to inside a page, its last byte", FINE, p + 2 * PAGE - 1);
    check_write("to inside a page, behind it", SEGV, p + 2 * PAGE);
    CHECK("inside a page nothing is lost", holds(p + PAGE, 1, 1, 2));
    CHECK("by a byte", brk_to(p + 2 * PAGE + 1) == p + 2 * PAGE + 1);
    check_write("by a byte, the page's last", FINE, p + 3 * PAGE - 1);
    CHECK("by a byte, zero", zeros(p + 2 * PAGE, 1));

    char *end = brk_to(p + 4 * PAGE);
    CHECK("to 0xfffff000 is refused", brk_to((char *)-PAGE) == end);
    CHECK("to 0xffffe000 is refused", brk_to(KERNEL_ADDRESS) == end);
    CHECK("to below its start is refused", brk_to((char *)PAGE) == end);
    CHECK("into the program is refused", brk_to((char *)A(section_brk)) == end);
    put(p + 8 * PAGE, 1, RW, ANON | MAP_FIXED_NOREPLACE);
    stamp(p + 8 * PAGE, 0, 1, 3);
    CHECK("over a mapping is refused", brk_to(p + 10 * PAGE) == end);
    CHECK("over a mapping, content", holds(p + 8 * PAGE, 0, 1, 3));
    CHECK("up to near the mapping", brk_to(p + 6 * PAGE) == p + 6 * PAGE);
    munmap(p + 8 * PAGE, PAGE);
    CHECK("the mapping gone", brk_to(p + 10 * PAGE) == p + 10 * PAGE && zeros(p + 8 * PAGE, 1));

    brk_to(p + 3 * PAGE);
    stamp(p, 0, 3, 4);
    CHECK_CHILD("a child's grows alone", brk_to(p + 5 * PAGE) == p + 5 * PAGE && holds(p, 0, 3, 4));
    CHECK("a child's grows alone, its parent", brk_to(NULL) == p + 3 * PAGE);
    CHECK_CHILD("a child's shrinks alone", brk_to(p) == p);
    CHECK("a child's shrinks alone, its parent", holds(p, 0, 3, 4));
    CHECK_CALL("munmap in the heap", 0, munmap(p + PAGE, PAGE));
    check_read("munmap in the heap, read", SEGV, p + PAGE);
    CHECK("munmap in the heap, both sides", holds(p, 0, 1, 4) && holds(p + 2 * PAGE, 2, 1, 4));

    CHECK("many pages", brk_to(p + MANY * PAGE) == p + MANY * PAGE);
    stamp(p + 2 * PAGE, 2, MANY - 2, 5);
    CHECK("many pages, content", holds(p + 2 * PAGE, 2, MANY - 2, 5));
    CHECK("to where it was", brk_to(start) == start);
    brk_to(p + MANY * PAGE);
    CHECK("many pages again, zero", zeros(p, MANY));
    brk_to(start);
}

/* The stack ---------------------------------------------------------------------------------------------- */

enum { KIB = 1024, MIB = 1024 * 1024, STACK_LIMIT = 8 * MIB };

/* Uses about n * step bytes of stack, a word in each step. => 1 if all of it kept what was written */
#define DEFINE_DESCEND(name, step)                                                \
    static __attribute__((noinline)) int name(int n)                              \
    {                                                                             \
        volatile char block[step];                                                \
        block[0] = (char)n;                                                       \
        block[(step) / 2] = (char)(n + 1);                                        \
        int good = n <= 1 || name(n - 1);                                         \
        return good && block[0] == (char)n && block[(step) / 2] == (char)(n + 1); \
    }
DEFINE_DESCEND(descend_by_page, PAGE)
DEFINE_DESCEND(descend_by_64k, 64 * KIB)

/* The limit may be higher here; it never needs to be raised. */
static void limit_stack(void)
{
    struct rlimit limit;
    if (syscall(SYS_ugetrlimit, RLIMIT_STACK, &limit) == 0 && limit.rlim_cur > STACK_LIMIT) {
        limit.rlim_cur = STACK_LIMIT;
        setrlimit(RLIMIT_STACK, &limit);
    }
}

static int overflow(void)
{
    limit_stack();
    return descend_by_64k(12 * MIB / (64 * KIB));
}

static __attribute__((noinline)) int kernel_fills(int fd)
{
    char block[256 * KIB];
    return read_at(fd, 0, block, PAGE) == PAGE && holds(block, 0, 1, 1);
}

/* Says where the stack pointer is, about. */
static __attribute__((noinline)) char *here(void)
{
    return __builtin_frame_address(0);
}

static volatile char *far_below(void)
{
    return here() - 16 * MIB;
}

static __attribute__((noinline)) int untouched_is_zero(void)
{
    const volatile char *p = here() - 700 * KIB;
    for (int i = 0; i < PAGE; i++)
        if (p[i] != 0)
            return 0;
    return 1;
}

static int grandchild_grows(void)
{
    pid_t pid = must_fork();
    if (pid == 0)
        end_child(descend_by_page(MIB / PAGE));
    return went_well(pid);
}

void section_stack(void)
{
    CHECK_CHILD("1 MiB page by page", descend_by_page(MIB / PAGE));
    CHECK_CHILD("1 MiB in steps of 64 KiB", descend_by_64k(MIB / (64 * KIB)));
    CHECK_CHILD("4 MiB in steps of 64 KiB", descend_by_64k(4 * MIB / (64 * KIB)));
    check_write("1 MiB below the stack pointer", FINE, here() - MIB);
    CHECK_CHILD("what it grows by is zero", untouched_is_zero());
    CHECK_CHILD_ENDS("12 MiB are too much", SEGV, overflow());
    CHECK_CHILD_ENDS("16 MiB below the stack pointer, read", SEGV, (limit_stack(), *far_below()));
    CHECK_CHILD_ENDS("16 MiB below the stack pointer, written", SEGV, (limit_stack(), *far_below() = 1));
    int mine = 1;
    volatile int *there = &mine;
    CHECK_CHILD("a child has its own", (*there = 2, *there == 2));
    CHECK_NUMBER("a child has its own, its parent", 1, *there);
    CHECK_CHILD("a child of a child grows it", grandchild_grows());
    int fd = file_new(1, 1);
    if (fd != -1) {
        CHECK_CHILD("the kernel fills a buffer where it is not yet", kernel_fills(fd));
        file_end(fd);
    }
    CHECK("after all its children, 256 KiB", descend_by_page(256 * KIB / PAGE));
}
