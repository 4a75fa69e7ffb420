/* SPDX-License-Identifier: MIT
 * Processes and signals as a C library sees them: one line per check, "name: result errno-name", the same on
 * Linux and on Faultline. Prints no pid, no address and no time. An argument names this program's file. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static const char *self = "/bin/proccheck";
static char *volatile bad = (char *)0x1000; /* nothing is ever mapped there */

/* Prints and forgets errno. */
static void show(const char *name, long result)
{
    char line[128];
    const char *error = result == -1 ? strerrorname_np(errno) : "-";
    int n = snprintf(line, sizeof line, "%s: %ld %s\n", name, result, error ? error : "?");
    if (write(STDOUT_FILENO, line, (size_t)n) != n)
        _exit(99);
    errno = 0;
}

static int wait_status(pid_t pid)
{
    int status = -1;
    while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
        ;
    return status;
}

/* Runs f in a child. => its wait status */
static int in_child(void (*f)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        f();
        _exit(0);
    }
    return pid < 0 ? -1 : wait_status(pid);
}

static void sleep_ms(int ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

/* fork -------------------------------------------------------------------------------------------------- */

static int global = 1;

static void exit_7(void)
{
    _exit(7);
}
static void exit_300(void)
{
    _exit(300);
}
static void exit_by_return(void)
{
    exit(3);
}
static void call_abort(void)
{
    abort();
}
static void read_null(void)
{
    *(volatile char *)bad = 1;
}
static void divide(void)
{
    volatile int zero = 0;
    global = 100 / zero;
}
static void illegal(void)
{
    __asm__ volatile("ud2");
}
static void wait_for_nobody(void)
{
    _exit(wait(NULL) == -1 && errno == ECHILD ? 0 : 1);
}
static void check_child_is_new(void)
{
    _exit(getpid() != getppid() && getpid() == gettid() ? 0 : 1);
}

static int tree(int depth)
{
    if (depth == 0)
        return 1;
    int sum = 0;
    for (int i = 0; i < 2; i++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(tree(depth - 1));
        sum += WEXITSTATUS(wait_status(pid));
    }
    return sum;
}

/* How the x87 rounds: 0 to nearest, as every program starts; 2 up. */
static int rounding(void)
{
    unsigned short word;
    __asm__ volatile("fnstcw %0" : "=m"(word));
    return word >> 10 & 3;
}

static void set_rounding(int how)
{
    unsigned short word;
    __asm__ volatile("fnstcw %0" : "=m"(word));
    word = (unsigned short)((word & ~0xc00) | how << 10);
    __asm__ volatile("fldcw %0" : : "m"(word));
}

static void exit_rounding(void)
{
    _exit(rounding());
}

static void fpu_child(void)
{
    long double x = 0;
    for (int i = 1; i < 2000; i++)
        x += 1.0L / i;
    _exit((int)(x * 10));
}

static __thread int thread_local_word = 5;

static void test_fork(void)
{
    show("exit 7", in_child(exit_7));
    show("exit 300", in_child(exit_300));
    show("exit 3", in_child(exit_by_return));
    show("abort", in_child(call_abort) & 0x7f);
    show("segv", in_child(read_null) & 0x7f);
    show("fpe", in_child(divide) & 0x7f);
    show("ill", in_child(illegal) & 0x7f);
    show("child has no children", in_child(wait_for_nobody));
    show("child has a pid of its own", in_child(check_child_is_new));
    int *heap = malloc(100000);
    heap[20000] = 1;
    thread_local_word = 6;
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        int seen = global + heap[20000] + thread_local_word + (getppid() == parent);
        global = heap[20000] = thread_local_word = 50;
        _exit(seen);
    }
    show("child sees memory", WEXITSTATUS(wait_status(pid)));
    show("parent keeps its own", global + heap[20000] + thread_local_word);
    free(heap);
    show("tree of 2^4 leaves", tree(4));
    pid = fork();
    if (pid == 0)
        fpu_child();
    long double mine = 0;
    for (int i = 1; i < 2000; i++)
        mine += 2.0L / i;
    show("fpu of the child", WEXITSTATUS(wait_status(pid)));
    show("fpu of the parent", (long)(mine * 10));
    set_rounding(2);
    show("rounding of the child", WEXITSTATUS(in_child(exit_rounding)));
    show("rounding of the parent", rounding());
    set_rounding(0);
    pid = vfork();
    if (pid == 0) {
        global = 77;
        _exit(4);
    }
    show("vfork shares memory", global);
    show("vfork status", WEXITSTATUS(wait_status(pid)));
    global = 1;
    show("clone with threads' flags", syscall(SYS_clone, CLONE_VM | CLONE_THREAD | SIGCHLD, 0, 0, 0, 0));
}

/* wait -------------------------------------------------------------------------------------------------- */

static void test_wait(void)
{
    int status;
    struct rusage usage;
    show("wait without children", wait(NULL));
    show("wait without children, no hang", waitpid(-1, NULL, WNOHANG));
    show("wait for a stranger", waitpid(getppid(), NULL, 0));
    show("wait with bad options", waitpid(-1, NULL, 0x400));
    pid_t pid = fork();
    if (pid == 0) {
        sleep_ms(60);
        _exit(9);
    }
    show("child not done", waitpid(pid, &status, WNOHANG));
    show("wait for another than it", waitpid(pid + 10000, &status, 0));
    show("pid is returned", waitpid(pid, &status, 0) == pid);
    show("status", status);
    show("a second time", waitpid(pid, &status, 0));
    pid = fork();
    if (pid == 0)
        _exit(11);
    show("wait4", wait4(-1, &status, 0, &usage) == pid);
    show("wait4 status", WEXITSTATUS(status));
    show("wait4 usage", usage.ru_minflt > 0 && usage.ru_maxrss > 0);
    pid = fork();
    if (pid == 0)
        _exit(12);
    show("bad status address", waitpid(pid, (int *)bad, 0));
    show("and the child is gone", waitpid(pid, NULL, 0));
    pid = fork();
    if (pid == 0)
        _exit(13);
    show("wait for own group", waitpid(0, &status, 0) == pid);
    siginfo_t info;
    pid = fork();
    if (pid == 0)
        _exit(14);
    show("waitid keeps", waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
    show("waitid code", info.si_code);
    show("waitid status", info.si_status);
    show("waitid signal", info.si_signo == SIGCHLD && info.si_pid == pid);
    show("waitid takes", waitid(P_ALL, 0, &info, WEXITED));
    show("waitid again", waitid(P_ALL, 0, &info, WEXITED));
    show("waitid of nothing", waitid(P_ALL, 0, &info, 0));
    for (int i = 0; i < 10; i++)
        if (fork() == 0)
            _exit(1 << i % 3);
    int sum = 0;
    while (wait(&status) > 0)
        sum += WEXITSTATUS(status);
    show("ten children", sum);
    show("children's usage", getrusage(RUSAGE_CHILDREN, &usage) == 0 && usage.ru_minflt > 0);
    struct tms t;
    show("times", times(&t) != (clock_t)-1);
}

/* exec -------------------------------------------------------------------------------------------------- */

static int run_self(char *const argv[], char *const envp[])
{
    pid_t pid = fork();
    if (pid == 0) {
        execve(self, argv, envp);
        _exit(120);
    }
    return WEXITSTATUS(wait_status(pid));
}

/* What this program does when it was started by run_self. */
static int as_child(int argc, char **argv)
{
    const char *what = argv[1];
    if (strcmp(what, "--echo") == 0) {
        for (int i = 2; i < argc; i++)
            show(argv[i], i);
        for (char **e = environ; *e != NULL; e++)
            show(*e, e - environ);
        return argc;
    }
    if (strcmp(what, "--count") == 0) {
        size_t bytes = 0;
        int count = 0;
        for (char **e = environ; *e != NULL; e++, count++)
            bytes += strlen(*e);
        show("environment strings", count);
        show("environment bytes", (long)bytes);
        return 0;
    }
    if (strcmp(what, "--signals") == 0) {
        struct sigaction a;
        sigset_t set;
        sigaction(SIGUSR1, NULL, &a);
        int seen = a.sa_handler == SIG_IGN;
        sigaction(SIGUSR2, NULL, &a);
        seen |= (a.sa_handler == SIG_DFL) << 1;
        sigprocmask(SIG_BLOCK, NULL, &set);
        return seen | sigismember(&set, SIGTERM) << 2;
    }
    if (strcmp(what, "--chain") == 0) {
        int n = atoi(argv[2]);
        char next[12], *args[] = {argv[0], argv[1], next, argv[3], NULL};
        if (n == 0)
            return 42;
        snprintf(next, sizeof next, "%d", n - 1);
        execv(argv[3], args);
        return 121;
    }
    return 122;
}

static long try_exec(const char *path, char *const argv[], char *const envp[])
{
    return syscall(SYS_execve, path, argv, envp);
}

static void handler_nothing(int n)
{
    (void)n;
}

static void test_exec(void)
{
    char name[] = "proccheck", echo[] = "--echo", count[] = "--count", chain[] = "--chain", nine[] = "9",
         a[] = "an argument", b[] = "", x[] = "HOME=/nowhere", y[] = "EMPTY=", signals[] = "--signals";
    char *file = strdup(self), *none[] = {NULL};
    show("exec with arguments", run_self((char *[]){name, echo, a, b, NULL}, (char *[]){x, y, NULL}));
    show("exec without environment", run_self((char *[]){name, echo, NULL}, none));
    show("exec chain", run_self((char *[]){name, chain, nine, file, NULL}, none));
    static char blocks[100][1000], *many[101];
    for (int i = 0; i < 100; i++) {
        memset(blocks[i], 'a' + i % 26, sizeof blocks[i] - 1);
        many[i] = blocks[i];
    }
    show("100 KB of environment", run_self((char *[]){name, count, NULL}, many));
    signal(SIGUSR1, SIG_IGN);
    signal(SIGUSR2, handler_nothing);
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, &old);
    show("signals across exec", run_self((char *[]){name, signals, NULL}, none));
    sigprocmask(SIG_SETMASK, &old, NULL);
    signal(SIGUSR1, SIG_DFL);
    signal(SIGUSR2, SIG_DFL);
    static char longest[5000], huge[140000];
    memset(longest, 'x', sizeof longest - 1);
    memset(huge, 'x', sizeof huge - 1);
    show("exec of nothing", try_exec("", none, none));
    show("exec of no file", try_exec("/bin/no-such-program", none, none));
    show("exec in no directory", try_exec("/no/such/program", none, none));
    show("exec of a directory", try_exec("/bin", none, none));
    show("exec of the root", try_exec("/", none, none));
    show("exec of a long path", try_exec(longest, none, none));
    longest[300] = '\0';
    show("exec of a long name", try_exec(longest, none, none));
    show("exec of a bad path", try_exec(bad, none, none));
    show("exec with a bad argv", try_exec(self, (char **)bad, none));
    show("exec with a bad argument", try_exec(self, (char *[]){name, bad, NULL}, none));
    show("exec with a bad environment", try_exec(self, none, (char **)bad));
    show("exec with a huge argument", try_exec(self, (char *[]){name, huge, NULL}, none));
    pid_t pid;
    int r = posix_spawn(&pid, self, NULL, NULL, (char *[]){name, chain, nine, file, NULL}, none);
    show("posix_spawn", r);
    show("posix_spawn status", WEXITSTATUS(wait_status(pid)));
    r = posix_spawn(&pid, "/bin/no-such-program", NULL, NULL, none, none);
    show("posix_spawn of no file", r);
    show("and no child is left", waitpid(-1, NULL, 0));
}

/* signals ----------------------------------------------------------------------------------------------- */

static volatile int count, last, code;
static void *volatile address;
static sigjmp_buf out;

static void on_signal(int n)
{
    count++;
    last = n;
}

static void on_info(int n, siginfo_t *info, void *context)
{
    (void)context;
    on_signal(n);
    code = info->si_code;
    address = info->si_addr;
}

static void on_fault(int n, siginfo_t *info, void *context)
{
    on_info(n, info, context);
    siglongjmp(out, 1);
}

static void handle(int n, void (*f)(int, siginfo_t *, void *), int flags)
{
    struct sigaction a = {.sa_sigaction = f, .sa_flags = SA_SIGINFO | flags};
    sigemptyset(&a.sa_mask);
    sigaction(n, &a, NULL);
}

static char *guarded;
static long page;

static void on_guard(int n, siginfo_t *info, void *context)
{
    on_info(n, info, context);
    mprotect(guarded, (size_t)page, PROT_READ | PROT_WRITE); /* the instruction is tried again */
}

static void test_faults(void)
{
    page = sysconf(_SC_PAGESIZE);
    guarded = mmap(NULL, (size_t)page * 3, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(guarded, (size_t)page, PROT_NONE);
    handle(SIGSEGV, on_guard, 0);
    guarded[100] = 9;
    show("guard page", guarded[100]);
    show("guard page's signal", last == SIGSEGV && address == guarded + 100);
    show("guard page's code", code);
    handle(SIGSEGV, on_fault, 0);
    munmap(guarded + page, (size_t)page);
    if (sigsetjmp(out, 1) == 0)
        guarded[page + 5] = 1;
    show("unmapped page's code", code);
    show("unmapped page's address", address == guarded + page + 5);
    mprotect(guarded, (size_t)page, PROT_READ);
    if (sigsetjmp(out, 1) == 0)
        guarded[7] = 1;
    show("read-only page's code", code);
    handle(SIGFPE, on_fault, 0);
    if (sigsetjmp(out, 1) == 0)
        divide();
    show("division's signal", last);
    show("division's code", code);
    handle(SIGILL, on_fault, 0);
    if (sigsetjmp(out, 1) == 0)
        illegal();
    show("illegal instruction's code", code);
    signal(SIGSEGV, SIG_IGN);
    show("ignored fault kills", in_child(read_null) & 0x7f);
    signal(SIGSEGV, SIG_DFL);
    signal(SIGFPE, SIG_DFL);
    signal(SIGILL, SIG_DFL);
    munmap(guarded, (size_t)page * 3);
}

static char alternate[32768];

static void on_alternate(int n, siginfo_t *info, void *context)
{
    char here;
    (void)info, (void)context;
    on_signal(n);
    code = &here >= alternate && &here < alternate + sizeof alternate;
    siglongjmp(out, 1);
}

static int overflow(int depth)
{
    volatile char room[4096];
    room[0] = (char)depth;
    return depth > 1 << 20 ? depth : overflow(depth + 1) + room[0];
}

static void overflow_the_stack(void)
{
    stack_t s = {.ss_sp = alternate, .ss_size = sizeof alternate};
    struct rlimit limit = {1 << 20, 1 << 20}; /* Linux may have been told to be generous */
    setrlimit(RLIMIT_STACK, &limit);
    sigaltstack(&s, NULL);
    handle(SIGSEGV, on_alternate, SA_ONSTACK);
    if (sigsetjmp(out, 1) == 0)
        overflow(0);
    _exit(last == SIGSEGV && code ? 0 : 1);
}

static void on_rounding(int n)
{
    last = n;
    code = rounding();
    set_rounding(1);
}

static void test_handlers(void)
{
    struct sigaction a;
    show("kill probes", kill(getpid(), 0));
    show("kill of nobody", kill(30000, 0));
    show("kill with a bad signal", kill(getpid(), 65));
    show("tgkill of a stranger", (long)syscall(SYS_tgkill, getpid(), 30000, 0));
    show("tkill of a bad pid", (long)syscall(SYS_tkill, -1, 0));
    show("sigaction of KILL", sigaction(SIGKILL, &(struct sigaction){.sa_handler = SIG_IGN}, NULL));
    show("sigaction of 0", sigaction(0, NULL, &a));
    show("sigaction with a bad address", (long)syscall(SYS_rt_sigaction, SIGUSR1, bad, NULL, 8));
    show("sigaction with a bad size", (long)syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4));
    signal(SIGUSR1, on_signal);
    count = 0;
    raise(SIGUSR1);
    show("handler runs", count * 100 + last);
    handle(SIGUSR1, on_info, 0);
    kill(getpid(), SIGUSR1);
    show("kill's code", code);
    raise(SIGUSR1);
    show("raise's code", code);
    double before = 1.5, after = before * count;
    raise(SIGUSR1);
    show("fpu across a handler", (long)(before * 100 + after));
    signal(SIGUSR1, on_rounding);
    set_rounding(2);
    raise(SIGUSR1);
    show("rounding in a handler", code);
    show("rounding after a handler", rounding());
    set_rounding(0);
    handle(SIGUSR1, on_info, SA_RESETHAND);
    raise(SIGUSR1);
    sigaction(SIGUSR1, NULL, &a);
    show("reset to the default", a.sa_handler == SIG_DFL);
    show("stack overflow on another stack", in_child(overflow_the_stack));
}

static int nested;

static void on_nested(int n)
{
    count++;
    if (nested-- > 0)
        raise(n);
    last = count;
}

static void test_masks(void)
{
    sigset_t set, old, pending;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    signal(SIGUSR1, on_signal);
    count = 0;
    sigprocmask(SIG_BLOCK, &set, &old);
    raise(SIGUSR1);
    raise(SIGUSR1);
    show("blocked", count);
    sigpending(&pending);
    show("pending", sigismember(&pending, SIGUSR1));
    sigprocmask(SIG_SETMASK, &old, NULL);
    show("unblocked, once", count);
    show("mask with a bad how", sigprocmask(9, &set, NULL));
    struct sigaction a = {.sa_handler = on_nested};
    count = 0;
    nested = 2;
    sigaction(SIGUSR1, &a, NULL);
    raise(SIGUSR1);
    show("deferred in its handler", last * 10 + count);
    count = last = 0;
    nested = 2;
    a.sa_flags = SA_NODEFER;
    sigaction(SIGUSR1, &a, NULL);
    raise(SIGUSR1);
    show("not deferred", last * 10 + count);
    signal(SIGUSR1, on_signal);
    sigprocmask(SIG_BLOCK, &set, &old);
    raise(SIGUSR1);
    count = 0;
    sigemptyset(&set);
    show("sigsuspend", sigsuspend(&set));
    show("and the handler ran", count);
    sigprocmask(SIG_BLOCK, NULL, &set);
    show("and the mask is back", sigismember(&set, SIGUSR1));
    sigprocmask(SIG_SETMASK, &old, NULL);
    signal(SIGUSR1, SIG_DFL);
}

static void sleep_for_ever(void)
{
    for (;;)
        pause();
}

static void spin_for_ever(void)
{
    for (;;)
        ;
}

static int killed(void (*f)(void), int n)
{
    pid_t pid = fork();
    if (pid == 0)
        f();
    sleep_ms(20);
    show("kill", kill(pid, n));
    return wait_status(pid) & 0x7f;
}

static void block_term_and_sleep(void)
{
    sigset_t set;
    sigfillset(&set);
    sigprocmask(SIG_SETMASK, &set, NULL);
    sleep_for_ever();
}

static void test_kills(void)
{
    show("kill a sleeper", killed(sleep_for_ever, SIGTERM));
    show("kill one that runs", killed(spin_for_ever, SIGKILL));
    show("kill one that blocks everything", killed(block_term_and_sleep, SIGKILL));
    show("default of USR1", killed(sleep_for_ever, SIGUSR1));
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    siginfo_t info;
    waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
    show("kill of a zombie", kill(pid, SIGKILL));
    show("zombie keeps its status", wait_status(pid));
    show("kill of one waited for", kill(pid, SIGKILL));
    pid = fork();
    if (pid == 0) {
        sleep_ms(40);
        _exit(0);
    }
    kill(pid, SIGCHLD);
    kill(pid, SIGURG);
    kill(pid, SIGWINCH);
    kill(pid, SIGCONT);
    show("ignored by default", wait_status(pid));
}

static void interrupt_parent(void)
{
    sleep_ms(40);
    kill(getppid(), SIGUSR1);
    sleep_ms(40);
    _exit(6);
}

static void test_interrupts(void)
{
    struct timespec t = {5, 0}, left = {0, 0};
    struct sigaction a = {.sa_handler = on_signal};
    int status;
    sigaction(SIGUSR1, &a, NULL);
    pid_t pid = fork();
    if (pid == 0)
        interrupt_parent();
    show("sleep interrupted", nanosleep(&t, &left));
    show("some of it is left", left.tv_sec > 0 && left.tv_sec < 5);
    wait_status(pid);
    pid = fork();
    if (pid == 0)
        interrupt_parent();
    show("wait interrupted", waitpid(pid, &status, 0));
    show("wait again", WEXITSTATUS(wait_status(pid)));
    a.sa_flags = SA_RESTART;
    sigaction(SIGUSR1, &a, NULL);
    pid = fork();
    if (pid == 0)
        interrupt_parent();
    show("wait restarted", waitpid(pid, &status, 0) == pid);
    signal(SIGUSR1, SIG_DFL);
    handle(SIGCHLD, on_info, 0);
    count = code = 0;
    pid = fork();
    if (pid == 0)
        exit_7();
    wait_status(pid);
    show("SIGCHLD", count);
    show("SIGCHLD's code", code);
    signal(SIGCHLD, SIG_IGN);
    pid = fork();
    if (pid == 0)
        exit_7();
    show("ignored children leave no zombies", waitpid(pid, &status, 0));
    signal(SIGCHLD, SIG_DFL);
    count = 0;
    signal(SIGALRM, on_signal);
    show("alarm", alarm(1));
    show("pause", pause());
    show("alarm's signal", last);
    show("alarm again", alarm(100));
    show("alarm off", alarm(0));
    signal(SIGALRM, SIG_DFL);
    show("sleep with nonsense", nanosleep(&(struct timespec){0, 1000000000}, NULL));
    show("clock_nanosleep", clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){0, 1000}, NULL));
    show("sleep from nowhere", syscall(SYS_nanosleep, bad, NULL));
}

/* groups and the rest ----------------------------------------------------------------------------------- */

static void group_checks(void)
{
    pid_t me = getpid();
    show("setsid", setsid() == me);
    show("getsid", getsid(0) == me && getpgrp() == me);
    show("setsid again", setsid());
    show("setpgid of a session's leader", setpgid(0, 0));
    show("setpgid of nobody", setpgid(30000, 0));
    show("setpgid to a negative group", setpgid(0, -1));
    pid_t a = fork();
    if (a == 0)
        sleep_for_ever();
    pid_t b = fork();
    if (b == 0)
        sleep_for_ever();
    show("setpgid of a child", setpgid(a, a));
    show("setpgid to its group", setpgid(b, a));
    show("getpgid", getpgid(b) == a);
    show("setpgid to no group", setpgid(b, 29999));
    show("wait for a group", waitpid(-me, NULL, WNOHANG));
    show("kill a group", kill(-a, SIGTERM));
    int status = 0;
    pid_t first = waitpid(-a, &status, 0), second = waitpid(-a, &status, 0);
    show("wait for both", (first == a || first == b) && (second == a || second == b) && first != second);
    show("kill a group that is gone", kill(-a, SIGTERM));
}

static void become_orphan(void)
{
    pid_t middle = fork();
    if (middle == 0) {
        if (fork() == 0) { /* runs on when its parent is gone */
            pid_t parent = getppid();
            for (int i = 0; i < 500 && getppid() == parent; i++)
                sleep_ms(2);
            _exit(0);
        }
        sleep_ms(10);
        _exit(5);
    }
    int status = wait_status(middle);
    _exit(wait(NULL) == -1 ? WEXITSTATUS(status) : 99);
}

static void test_rest(void)
{
    show("groups", in_child(group_checks));
    show("orphans are not the grandparent's", WEXITSTATUS(in_child(become_orphan)));
    show("tid", gettid() == getpid());
    show("getpgid of nobody", getpgid(30000));
    struct rlimit limit;
    show("limits", getrlimit(RLIMIT_NOFILE, &limit));
    show("limit of nothing", getrlimit(99, &limit));
    struct sysinfo info;
    show("sysinfo", sysinfo(&info) == 0 && info.totalram > 0 && info.procs > 0);
    cpu_set_t cpus;
    show("a CPU", sched_getaffinity(0, sizeof cpus, &cpus) == 0 && CPU_COUNT(&cpus) > 0);
    struct timespec now, later;
    clock_gettime(CLOCK_MONOTONIC, &now);
    sleep_ms(5);
    clock_gettime(CLOCK_MONOTONIC, &later);
    show("time goes on", (later.tv_sec - now.tv_sec) * 1000000000L + later.tv_nsec - now.tv_nsec >= 5000000);
    show("time", time(NULL) != (time_t)-1);
    show("clock of nothing", (long)syscall(SYS_clock_gettime, 99, &now));
    show("rusage of nobody", getrusage(7, (struct rusage *)alternate));
}

int main(int argc, char **argv)
{
    if (argc > 1 && argv[1][0] != '-')
        self = argv[1];
    if (argc > 1 && argv[1][0] == '-')
        return as_child(argc, argv);
    show("no children yet", wait(NULL));
    test_fork();
    test_wait();
    test_exec();
    test_faults();
    test_handlers();
    test_masks();
    test_kills();
    test_interrupts();
    test_rest();
    return 0;
}
