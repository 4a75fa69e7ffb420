/* SPDX-License-Identifier: MIT
 * The harness: runs the registered tests, reports in KTAP, and is where panic() ends on the host. */
#include "tests/host/test.h"
#include "lib/log.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/check.h"
#include "mm/slab.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    TIME_LIMIT = 120, /* seconds per test: far more than the slowest needs */
    MAX_PANIC = 512,
    EXIT_PANIC = 3,
    EXIT_MISSED = 4,
    SHOWN_MS = 500, /* tests that took as much of the CPU say so */
};

static void stdout_write(struct printer *to UNUSED, const char *text, size_t len)
{
    fwrite(text, 1, len, stdout);
}

static struct printer out = {stdout_write};

/* ---- panics ---- */

static int panic_fd = -1; /* in a copy that should panic: where its message goes */
static pid_t copy_pid;
static int copy_fd;

void panic(const char *fmt, ...)
{
    char text[MAX_PANIC];
    va_list ap;
    va_start(ap, fmt);
    vformat(text, sizeof text, fmt, ap);
    va_end(ap);
    if (panic_fd >= 0)
        _exit(write(panic_fd, text, strlen(text)) >= 0 ? EXIT_PANIC : EXIT_FAILURE);
    print(&out, "# panic: %s\n", text);
    fflush(stdout);
    abort();
}

bool panic_wanted(void)
{
    int fds[2];
    fflush(stdout);
    if (pipe(fds) != 0 || (copy_pid = fork()) < 0)
        panic("harness: no pipe or process");
    if (copy_pid == 0) {
        close(fds[0]);
        panic_fd = fds[1];
        return true;
    }
    close(fds[1]);
    copy_fd = fds[0];
    return false;
}

void panic_missed(void)
{
    _exit(EXIT_MISSED);
}

void panic_judge(struct ktest_run *t, const char *text, const char *file, int line)
{
    struct text_printer said = {.len = 0};
    ssize_t n;
    while ((n = read(copy_fd, said.text + said.len, sizeof said.text - 1 - said.len)) > 0)
        said.len += (size_t)n;
    close(copy_fd);
    int status;
    if (waitpid(copy_pid, &status, 0) != copy_pid)
        panic("harness: lost a process");
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_PANIC && text_has(&said, text))
        return;
    t->failures++;
    print(t->out, "# %s:%d: expected a panic with \"%s\", ended with status %#x: %s\n", file, line, text,
          status, said.text);
}

/* ---- captured text ---- */

static void text_write(struct printer *to, const char *text, size_t len)
{
    struct text_printer *p = (struct text_printer *)to;
    for (size_t i = 0; i < len && p->len + 1 < sizeof p->text; i++)
        p->text[p->len++] = text[i];
    p->text[p->len] = '\0';
}

void text_start(struct text_printer *p)
{
    p->to.write = text_write;
    p->len = 0;
    p->text[0] = '\0';
}

static bool contains(const char *text, const char *part)
{
    size_t n = strlen(part);
    while (*text != '\0' && strncmp(text, part, n) != 0)
        text++;
    return *text != '\0' || n == 0;
}

bool text_has(const struct text_printer *p, const char *part)
{
    return contains(p->text, part);
}

struct text_printer test_log;

/* ---- tests ---- */

void test_check(struct ktest_run *t)
{
    EXPECT(t, vm_check(t->out));
    EXPECT(t, machine_tlb_check(t->out));
}

/* In the child. => exit status */
static int run_test(const struct ktest *test)
{
    struct ktest_run run = {&out, 0}, *t = &run;
    text_start(&test_log);
    log_add_sink(&test_log.to);
    alarm(TIME_LIMIT);
    machine_build(TEST_FRAMES, TEST_RESERVE, TEST_SLOTS);
    test->run(t);
    test_check(t);
    slab_reap_all();
    EXPECT_EQ(t, buddy_free_frames(), machine.free_frames);
    EXPECT_EQ(t, swap_free(), machine.free_slots);
    EXPECT(t, list_empty(&all_spaces));
    EXPECT(t, list_empty(&all_pools));
    EXPECT_EQ(t, page_kept_slots(), 0);
    return run.failures > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static uint32_t milliseconds(const struct rusage *used)
{
    const uint32_t per_s = 1000, us_per_ms = 1000;
    return (uint32_t)(used->ru_utime.tv_sec + used->ru_stime.tv_sec) * per_s +
           (uint32_t)(used->ru_utime.tv_usec + used->ru_stime.tv_usec) / us_per_ms;
}

/* `ms`: the CPU time it took. */
static bool passes(const struct ktest *test, uint32_t *ms)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        int status = run_test(test);
        fflush(stdout);
        _exit(status);
    }
    int status;
    struct rusage used;
    if (pid < 0 || wait4(pid, &status, 0, &used) != pid) {
        print(&out, "# the host gave no process\n");
        return false;
    }
    *ms = milliseconds(&used);
    if (WIFSIGNALED(status))
        print(&out, "# killed by signal %d%s\n", WTERMSIG(status),
              WTERMSIG(status) == SIGALRM ? ": ran out of time" : "");
    return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const struct ktest *const *)a)->name, (*(const struct ktest *const *)b)->name);
}

int main(int argc, char **argv)
{
    const char *part = argc > 1 ? argv[1] : "";
    size_t all = (size_t)(__stop_ktests - __start_ktests), count = 0, failed = 0;
    const struct ktest **tests = calloc(all, sizeof *tests);
    if (argc > 2 || tests == NULL) {
        fprintf(stderr, "usage: %s [PART-OF-A-TEST-NAME]\n", argv[0]);
        return EXIT_FAILURE;
    }
    for (size_t i = 0; i < all; i++)
        if (contains(__start_ktests[i]->name, part))
            tests[count++] = __start_ktests[i];
    if (count == 0) {
        fprintf(stderr, "%s: no test has \"%s\" in its name\n", argv[0], part);
        return EXIT_FAILURE;
    }
    /* the compiler orders a linker set as it likes */
    qsort(tests, count, sizeof(const struct ktest *), by_name);
    print(&out, "KTAP version 1\n1..%zu\n", count);
    for (size_t i = 0; i < count; i++) {
        uint32_t ms = 0;
        bool ok = passes(tests[i], &ms);
        failed += !ok;
        print(&out, "%s %zu %s", ok ? "ok" : "not ok", i + 1, tests[i]->name);
        if (ms >= SHOWN_MS)
            print(&out, " # took %u ms of CPU time", ms);
        print(&out, "\n");
    }
    print(&out, "# %zu passed, %zu failed\n", count - failed, failed);
    free(tests);
    return failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
