/* SPDX-License-Identifier: MIT
 * Hands the kernel pointers, lengths and flags that it must refuse, as Linux refuses them, and some odd
 * ones that it must accept. Reading standard input could wait for a key, so that part is asked for. Needs
 * a standard output that looks at what it is given, which the null device does not. */
#include "lib/string.h"
#include "user/rt/program.h"
#include "user/rt/sys.h"

const struct program program = {.name = "badptr"};

enum { KERNEL = 0xc0000000, HUGE_LEN = 0x7fffffff, EDGE = 4, MAX_IOV = 1024, NO_SUCH_CALL = 9999 };

static unsigned cases, failures;

static void expect(const char *what, uintptr_t with, long got, long wanted)
{
    cases++;
    if (got == wanted)
        return;
    failures++;
    printf("badptr: call=%s with=%#x returned=%ld expected=%ld\n", what, (unsigned)with, got, wanted);
}

/* Where the transfer begins well, Linux may do that part and say so. */
static void expect_part(const char *what, uintptr_t with, long got)
{
    expect(what, with, got > 0 && got <= EDGE ? -EFAULT : got, -EFAULT);
}

/* Calls that write to the program. Each wants more than EDGE bytes. */
static void as_destination(uintptr_t bad)
{
    expect("clock_gettime", bad, sys_clock_gettime(CLOCK_MONOTONIC, (void *)bad), -EFAULT);
    expect("getrusage", bad, sys_getrusage(RUSAGE_SELF, (void *)bad), -EFAULT);
    expect("uname", bad, sys_uname((void *)bad), -EFAULT);
    expect("ugetrlimit", bad, sys_ugetrlimit(RLIMIT_STACK, (void *)bad), -EFAULT);
    expect_part("getrandom", bad, sys_getrandom((void *)bad, 16, 0));
}

/* Calls that read from the program. */
static void as_source(uintptr_t bad)
{
    struct iovec one = {(const void *)bad, 8}, empty_first[] = {{"", 0}, {(const void *)bad, 8}};
    expect_part("write", bad, sys_write(STDOUT, (const void *)bad, 8));
    expect_part("write huge", bad, sys_write(STDOUT, (const void *)bad, HUGE_LEN));
    expect_part("writev base", bad, sys_writev(STDOUT, &one, 1));
    expect_part("writev second base", bad, sys_writev(STDOUT, empty_first, 2));
    expect("writev array", bad, sys_writev(STDOUT, (const void *)bad, 1), -EFAULT);
    expect("writev long array", bad, sys_writev(STDOUT, (const void *)bad, MAX_IOV), -EFAULT);
    expect("nanosleep", bad, sys_nanosleep((const void *)bad, NULL), -EFAULT);
    expect("set_thread_area", bad, sys_call(SYS_SET_THREAD_AREA, bad), -EFAULT);
}

static void from_standard_input(uintptr_t bad)
{
    long got = sys_read(STDIN, (void *)bad, 8);
    expect_part("read", bad, got == 0 ? -EFAULT : got); /* 0: the end of the input came first */
}

static uintptr_t map(size_t pages, int prot)
{
    uintptr_t at = sys_mmap2(0, pages * PAGE_SIZE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (sys_failed(at))
        fail("mmap2 errno=%d", -(int)at);
    return at;
}

/* Two pages. => the last EDGE bytes of the first; what follows gets prot */
static uintptr_t edge_before(int prot)
{
    uintptr_t page = map(2, PROT_READ | PROT_WRITE), next = page + PAGE_SIZE;
    memcpy((char *)next - EDGE, "   \n", EDGE); /* a blank line, should a part of it be written */
    *(volatile char *)next = 1;                 /* so that there was a frame */
    expect("mprotect", next, sys_mprotect(next, PAGE_SIZE, prot), 0);
    return next - EDGE;
}

static void bad_addresses(bool with_read)
{
    uintptr_t hole = edge_before(PROT_NONE);
    const uintptr_t nowhere[] = {hole, hole + EDGE, edge_before(PROT_NONE), map(1, PROT_NONE), 0, 1,
                                 /* the kernel's half, and ranges that wrap around to address 0 */
                                 KERNEL, KERNEL + 0x100000, 0xd0000000, (uintptr_t)-PAGE_SIZE, (uintptr_t)-8,
                                 (uintptr_t)-1};
    const uintptr_t read_only[] = {map(1, PROT_READ), (uintptr_t)main, (uintptr_t)program.name,
                                   edge_before(PROT_READ)};
    unmap_pages((void *)(hole + EDGE), 1); /* last: the next map would fill it */
    for (size_t i = 0; i < ARRAY_SIZE(nowhere); i++) {
        as_source(nowhere[i]); /* first: getrandom may fill what it could write to a terminal */
        as_destination(nowhere[i]);
        if (with_read)
            from_standard_input(nowhere[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(read_only); i++) {
        as_destination(read_only[i]);
        if (with_read)
            from_standard_input(read_only[i]);
    }
    as_destination(KERNEL - EDGE);
    expect("read-only text", 0, strcmp(program.name, "badptr"), 0);
}

static void bad_arguments(void)
{
    struct timespec t = {0, 1000000000}, negative = {-1, 0};
    struct iovec too_long = {&t, (size_t)-1};
    struct rlimit limit;
    struct rusage usage_out;
    uintptr_t page = map(1, PROT_READ), end = sys_brk(0);
    const int anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
    expect("write fd", 0, sys_write(-1, NULL, 1), -EBADF);
    expect("read fd", 0, sys_read(99, NULL, 1), -EBADF);
    expect("writev fd", 0, sys_writev(99, NULL, 1), -EBADF);
    expect("writev count", 0, sys_writev(STDOUT, &too_long, -1), -EINVAL);
    expect("writev count", 0, sys_writev(STDOUT, &too_long, MAX_IOV + 1), -EINVAL);
    expect("writev length", 0, sys_writev(STDOUT, &too_long, 1), -EINVAL);
    expect("nanosleep nsec", 0, sys_nanosleep(&t, NULL), -EINVAL);
    expect("nanosleep sec", 0, sys_nanosleep(&negative, NULL), -EINVAL);
    expect("clock_gettime clock", 0, sys_clock_gettime(99, &t), -EINVAL);
    expect("ugetrlimit what", 0, sys_ugetrlimit(99, &limit), -EINVAL);
    expect("getrusage who", 0, sys_getrusage(99, &usage_out), -EINVAL);
    expect("getrandom flags", 0, sys_getrandom(&t, 1, 0x80), -EINVAL);
    expect("mmap2 length", 0, (long)sys_mmap2(0, 0, PROT_READ, anonymous, -1, 0), -EINVAL);
    expect("mmap2 huge", 0, (long)sys_mmap2(0, (size_t)-PAGE_SIZE, PROT_READ, anonymous, -1, 0), -ENOMEM);
    expect("mmap2 unaligned", 0, (long)sys_mmap2(page + 1, 1, PROT_READ, anonymous | MAP_FIXED, -1, 0),
           -EINVAL);
    expect("mprotect unaligned", 0, sys_mprotect(page + 1, PAGE_SIZE, PROT_READ), -EINVAL);
    expect("munmap unaligned", 0, sys_munmap(page + 1, PAGE_SIZE), -EINVAL);
    expect("munmap length", 0, sys_munmap(page, 0), -EINVAL);
    expect("munmap", 0, sys_munmap(page, PAGE_SIZE), 0);
    expect("mprotect unmapped", 0, sys_mprotect(page, PAGE_SIZE, PROT_READ), -ENOMEM);
    expect("brk below the heap", 0, (long)sys_brk(1), (long)end);
    expect("no such call", 0, sys_call(NO_SUCH_CALL), -ENOSYS);
}

/* Never-touched pages are good pointers, also across their boundary, and so is any with nothing behind. */
static void good_pointers(void)
{
    struct timespec t = {0, 1};
    uintptr_t across = map(2, PROT_READ | PROT_WRITE) + PAGE_SIZE - EDGE;
    uintptr_t fresh = map(2, PROT_READ) + PAGE_SIZE - EDGE;
    struct utsname *name = (void *)across;
    struct iovec nothing[] = {{NULL, 0}, {(const void *)(KERNEL - 1), 0}};
    expect("uname across", across, sys_uname(name), 0);
    expect("uname said", across, name->sysname[0] != '\0' && name->machine[0] != '\0', true);
    expect("nanosleep fresh", fresh, sys_nanosleep((const void *)fresh, NULL), 0);
    expect("nanosleep rest unused", 0, sys_nanosleep(&t, (void *)KERNEL), 0);
    expect("write nothing", 0, sys_write(STDOUT, NULL, 0), 0);
    expect("writev nothing", 0, sys_writev(STDOUT, nothing, 2), 0);
    expect("writev no array", 0, sys_writev(STDOUT, NULL, 0), 0);
}

int main(int argc, char **argv, char **envp UNUSED)
{
    bool with_read = argc == 2 && strcmp(argv[1], "read") == 0;
    if (argc > 2 || (argc == 2 && !with_read))
        usage("[read]");
    bad_addresses(with_read);
    bad_arguments();
    good_pointers();
    if (failures > 0)
        fail("failures=%u cases=%u", failures, cases);
    return ok("cases=%u", cases);
}
