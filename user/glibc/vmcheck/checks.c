/* SPDX-License-Identifier: MIT
 * Checks: each prints one line at once, with one write, so that a crash later on loses nothing. */
#include "user/glibc/vmcheck/checks.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "user/glibc/vmcheck/vmcheck.h"

struct tally {
    unsigned checks, unexpected;
};

static struct tally own;
static struct tally *tally = &own; /* in memory that children share, if there is more than one section */
static const char *section_name = "";

void checks_section(const char *name, void (*run)(void))
{
    section_name = name;
    run();
}

void checks_section_apart(const char *name, void (*run)(void))
{
    section_name = name;
    if (tally == &own) {
        tally = mmap(NULL, sizeof *tally, RW, SHARED_ANON, -1, 0);
        if (tally == MAP_FAILED)
            tally = &own;
    }
    pid_t pid = must_fork();
    if (pid == 0) {
        run();
        _exit(0);
    }
    check_text("comes to its end", ended(pid), "exit 0");
}

static void put_line(const char *line, int n)
{
    if (n < 0 || write(STDOUT_FILENO, line, (size_t)n) != n)
        _exit(1);
}

const char *joined(const char *what, const char *more)
{
    static char text[100];
    snprintf(text, sizeof text, "%s%s", what, more);
    return text;
}

void check_text(const char *what, const char *got, const char *expected)
{
    char line[200];
    int good = strcmp(got, expected) == 0;
    tally->unexpected += !good;
    put_line(line, snprintf(line, sizeof line, "%03u %s %s: %s%s%s\n", ++tally->checks, section_name, what,
                            got, good ? "" : " EXPECTED ", good ? "" : expected));
}

void check_number(const char *what, long expected, long got)
{
    char a[24], b[24];
    snprintf(a, sizeof a, "%ld", got);
    snprintf(b, sizeof b, "%ld", expected);
    check_text(what, a, b);
}

static const char *errno_name(int error)
{
    static const struct {
        int number;
        const char *name;
    } names[] = {
        {0, "ok"},
        {EPERM, "EPERM"},
        {ENOENT, "ENOENT"},
        {ESRCH, "ESRCH"},
        {EINTR, "EINTR"},
        {EIO, "EIO"},
        {EBADF, "EBADF"},
        {ECHILD, "ECHILD"},
        {EAGAIN, "EAGAIN"},
        {ENOMEM, "ENOMEM"},
        {EACCES, "EACCES"},
        {EFAULT, "EFAULT"},
        {EBUSY, "EBUSY"},
        {EEXIST, "EEXIST"},
        {ENODEV, "ENODEV"},
        {ENOTDIR, "ENOTDIR"},
        {EINVAL, "EINVAL"},
        {EMFILE, "EMFILE"},
        {ENOSPC, "ENOSPC"},
        {EROFS, "EROFS"},
        {ENOSYS, "ENOSYS"},
        {EOVERFLOW, "EOVERFLOW"},
        {EOPNOTSUPP, "EOPNOTSUPP"},
    };
    static char number[24];
    for (size_t i = 0; i < COUNT(names); i++)
        if (names[i].number == error)
            return names[i].name;
    snprintf(number, sizeof number, "errno %d", error);
    return number;
}

void check_call(const char *what, int expected, long returned)
{
    char got[24];
    snprintf(got, sizeof got, "%s", errno_name(returned == -1 ? errno : 0));
    check_text(what, got, errno_name(expected));
}

void check_calls(const struct call *calls, size_t n)
{
    for (const struct call *c = calls; c < calls + n; c++)
        check_call(
            c->what, c->expected,
            syscall(c->number, c->args[0], c->args[1], c->args[2], c->args[3], c->args[4], c->args[5]));
}

int checks_end(void)
{
    char line[64];
    if (tally->unexpected > 0)
        put_line(line, snprintf(line, sizeof line, "vmcheck: FAILED %u unexpected\n", tally->unexpected));
    put_line(line, snprintf(line, sizeof line, "vmcheck: %u checks\n", tally->checks));
    return tally->unexpected > 0;
}

/* Children ----------------------------------------------------------------------------------------------- */

static pid_t child;

pid_t must_fork(void)
{
    pid_t pid = fork();
    if (pid == -1) {
        char line[64];
        put_line(line, snprintf(line, sizeof line, "vmcheck: FAILED fork: %s\n", errno_name(errno)));
        _exit(1);
    }
    return pid;
}

const char *ended(pid_t pid)
{
    static char text[24];
    int status;
    if (waitpid(pid, &status, 0) != pid)
        return errno_name(errno);
    if (WIFEXITED(status)) {
        snprintf(text, sizeof text, "exit %d", WEXITSTATUS(status));
        return text;
    }
    switch (WTERMSIG(status)) {
    case SIGSEGV:
        return SEGV;
    case SIGBUS:
        return BUS;
    case SIGKILL:
        return "SIGKILL";
    }
    snprintf(text, sizeof text, "signal %d", WTERMSIG(status));
    return text;
}

int went_well(pid_t pid)
{
    return strcmp(ended(pid), "exit 0") == 0;
}

int in_child(void)
{
    child = must_fork();
    return child == 0;
}

int end_child(int good)
{
    _exit(!good);
}

/* What the exit status 0 or 1 means, or another end in its own words. */
static void check_end(const char *what, const char *zero, const char *one, const char *expected)
{
    const char *end = ended(child);
    if (strcmp(end, "exit 0") == 0)
        end = zero;
    else if (strcmp(end, "exit 1") == 0)
        end = one;
    check_text(what, end, expected);
}

void check_child(const char *what, const char *expected, int none)
{
    (void)none; /* only evaluated */
    check_end(what, YES, "no", expected);
}

void check_read(const char *what, const char *expected, const void *at)
{
    if (in_child()) {
        (void)*(const volatile char *)at;
        _exit(0);
    }
    check_end(what, FINE, "exit 1", expected);
}

void check_write(const char *what, const char *expected, const void *at)
{
    if (in_child()) {
        *(volatile char *)(uintptr_t)at = 1;
        _exit(0);
    }
    check_end(what, FINE, "exit 1", expected);
}

int wait_for(volatile int *flag, int value)
{
    enum { YIELDS = 100, TRIES = 20000 };
    const struct timespec millisecond = {0, 1000000};
    for (int i = 0; i < TRIES && *flag != value; i++) {
        if (i < YIELDS)
            sched_yield();
        else
            syscall(SYS_nanosleep, &millisecond, NULL);
    }
    return *flag == value;
}
