/* SPDX-License-Identifier: MIT
 * fork: what parent and child share, what each has for itself, over several generations. */
#include <sched.h>
#include <sys/wait.h>

#include "user/glibc/vmcheck/vmcheck.h"

static volatile int *flag; /* in memory that all generations share */

static int global = 1;

static void private_pages(void)
{
    char *p = room(4);
    put_stamped(p, 2, 1);
    put(p + 2 * PAGE, 2, RW, ANON);
    CHECK_CHILD("a child sees its parent's pages", holds(p, 0, 2, 1));
    CHECK_CHILD("a child sees untouched pages as zeros", zeros(p + 2 * PAGE, 2));
    CHECK_CHILD("a child writes all pages", (stamp(p, 0, 4, 2), holds(p, 0, 4, 2)));
    CHECK("its parent's pages", holds(p, 0, 2, 1));
    CHECK("its parent's untouched pages", zeros(p + 2 * PAGE, 2));
    CHECK_CHILD("the next child sees nothing of it", holds(p, 0, 2, 1) && zeros(p + 2 * PAGE, 2));

    *flag = 0;
    pid_t pid = must_fork();
    if (pid == 0)
        end_child(wait_for(flag, 1) && holds(p, 0, 2, 1) && zeros(p + 2 * PAGE, 2));
    stamp(p, 0, 4, 3);
    *flag = 1;
    CHECK("a parent writes, its child's pages", went_well(pid));
    CHECK("a parent writes, its own pages", holds(p, 0, 4, 3));

    pid = must_fork();
    if (pid == 0) {
        stamp(p, 0, 2, 4);
        *flag = 2;
        end_child(wait_for(flag, 3) && holds(p, 0, 2, 4) && holds(p + 2 * PAGE, 2, 2, 3));
    }
    CHECK("a child has written, its parent goes on", wait_for(flag, 2));
    CHECK("while the child lives, its parent's pages", holds(p, 0, 4, 3));
    stamp(p + PAGE, 1, 2, 5);
    *flag = 3;
    CHECK("both write, the child's pages", went_well(pid));
    CHECK("both write, the parent's pages",
          holds(p, 0, 1, 3) && holds(p + PAGE, 1, 2, 5) && holds(p + 3 * PAGE, 3, 1, 3));

    CHECK_CHILD("a variable in a child", (global = 2, *(volatile int *)&global == 2));
    CHECK_NUMBER("a variable in its parent", 1, *(volatile int *)&global);
    CHECK_CHILD_ENDS("an exit status", "exit 42", (_exit(42), 0));
    CHECK_CALL("no child is left", ECHILD, waitpid(-1, NULL, 0));
    leave(p, 4);
}

static void shared_pages(void)
{
    char *p = room(4);
    put(p, 4, RW, SHARED_ANON);
    stamp(p, 0, 2, 1);
    CHECK_CHILD("shared, a child sees them", holds(p, 0, 2, 1) && zeros(p + 2 * PAGE, 2));
    CHECK_CHILD("shared, a child writes", (stamp(p + PAGE, 1, 2, 2), 1));
    CHECK("shared, its parent sees it",
          holds(p, 0, 1, 1) && holds(p + PAGE, 1, 2, 2) && zeros(p + 3 * PAGE, 1));
    *flag = 0;
    pid_t pid = must_fork();
    if (pid == 0)
        end_child(wait_for(flag, 1) && holds(p, 0, 4, 3));
    stamp(p, 0, 4, 3);
    *flag = 1;
    CHECK("shared, a parent writes, its child sees it", went_well(pid));
    pid = must_fork();
    if (pid == 0) {
        munmap(p, 4 * PAGE);
        end_child(1);
    }
    CHECK("shared, a child unmaps it, its parent", went_well(pid) && holds(p, 0, 4, 3));
    pid = must_fork();
    if (pid == 0)
        end_child(wait_for(flag, 2) && holds(p, 0, 4, 3));
    munmap(p, 4 * PAGE);
    *flag = 2;
    CHECK("shared, a parent unmaps it, its child", went_well(pid));

    put(p, 1, RW, SHARED_ANON);
    volatile int *turn = (volatile int *)p;
    enum { TURNS = 40 };
    pid = must_fork();
    int odd = pid == 0, good = 1;
    for (int i = odd; i < TURNS && good; i += 2) {
        good = wait_for(turn, i);
        *turn = i + 1;
    }
    if (odd)
        end_child(good);
    CHECK("shared, in turns", went_well(pid) && good);
    CHECK_NUMBER("shared, in turns, so often", TURNS, *turn);
    leave(p, 4);
}

static void mappings(void)
{
    char *p = room(6);
    put_stamped(p, 3, 1);
    mprotect(p, PAGE, PROT_NONE);
    check_read("without rights, a child reads", SEGV, p);
    CHECK_CHILD("without rights, a child takes them", mprotect(p, PAGE, RW) == 0 && holds(p, 0, 1, 1));
    check_read("without rights, the parent has none yet", SEGV, p);
    mprotect(p, PAGE, PROT_READ);
    check_write("read-only, a child writes", SEGV, p);
    CHECK_CHILD("read-only, a child may and writes", mprotect(p, PAGE, RW) == 0 && (stamp(p, 0, 1, 2), 1));
    CHECK("read-only, its parent", holds(p, 0, 1, 1));
    CHECK_CHILD("a child unmaps", munmap(p, 3 * PAGE) == 0);
    CHECK("a child unmaps, its parent", holds(p, 0, 3, 1));
    CHECK_CHILD("a child maps", holds(put_stamped(p + 3 * PAGE, 1, 3), 0, 1, 3));
    check_read("a child maps, its parent", SEGV, p + 3 * PAGE);
    *flag = 0;
    pid_t pid = must_fork();
    if (pid == 0) {
        if (wait_for(flag, 1))
            (void)*(volatile char *)(p + 3 * PAGE);
        _exit(0);
    }
    put_stamped(p + 3 * PAGE, 1, 4);
    *flag = 1;
    check_text("a parent maps, its child", ended(pid), SEGV);
    pid = must_fork();
    if (pid == 0)
        end_child(wait_for(flag, 2) && holds(p, 0, 3, 1) && holds(p + 3 * PAGE, 0, 1, 4));
    munmap(p, 4 * PAGE);
    *flag = 2;
    CHECK("a parent unmaps, its child", went_well(pid));
    leave(p, 6);
}

/* Each generation writes a page of its own and one that all write. => 1 if all is well from here on down */
static int generation(char *p, unsigned n, unsigned last)
{
    stamp(p + n * PAGE, n, 1, 100 + n);
    stamp(p, 0, 1, n);
    if (n < last) {
        pid_t pid = must_fork();
        if (pid == 0)
            end_child(generation(p, n + 1, last));
        if (!went_well(pid) || !zeros(p + (n + 1) * PAGE, last - n))
            return 0;
    }
    for (unsigned i = 1; i <= n; i++)
        if (!holds(p + i * PAGE, i, 1, 100 + i))
            return 0;
    return holds(p, 0, 1, n);
}

static void generations(void)
{
    char *p = room(6);
    put(p, 6, RW, ANON);
    CHECK("three generations", generation(p, 1, 3));
    put(p, 6, RW, ANON);
    CHECK("five generations", generation(p, 1, 5));
    *flag = 0;
    put_stamped(p, 4, 1);
    pid_t pid = must_fork();
    if (pid == 0) {
        stamp(p + PAGE, 1, 1, 2);
        if (must_fork() == 0) {
            if (wait_for(flag, 1) && holds(p, 0, 1, 1) && holds(p + PAGE, 1, 1, 2) &&
                holds(p + 2 * PAGE, 2, 2, 1))
                *flag = 2;
            _exit(0);
        }
        _exit(0);
    }
    CHECK("a child ends before its own child", went_well(pid));
    stamp(p, 0, 4, 3);
    *flag = 1;
    CHECK("whose pages stay", wait_for(flag, 2));
    leave(p, 6);
}

static void many_children(void)
{
    enum { CHILDREN = 6, PAGES = 4 };
    pid_t pids[CHILDREN];
    char *p = room(MANY);
    put_stamped(p, PAGES, 1);
    *flag = 0;
    for (unsigned i = 0; i < CHILDREN; i++) {
        pids[i] = must_fork();
        if (pids[i] == 0) {
            stamp(p, 0, PAGES, 10 + i);
            for (int again = 0; again < 10; again++)
                sched_yield();
            end_child(wait_for(flag, 1) && holds(p, 0, PAGES, 10 + i));
        }
    }
    CHECK("many children, their parent's pages", holds(p, 0, PAGES, 1));
    *flag = 1;
    int good = 0;
    for (unsigned i = 0; i < CHILDREN; i++)
        good += went_well(pids[i]);
    CHECK_NUMBER("many children, each its own copy", CHILDREN, good);
    CHECK("many children, afterwards", holds(p, 0, PAGES, 1));
    good = 0;
    for (unsigned i = 0; i < 30; i++) {
        pids[0] = must_fork();
        if (pids[0] == 0) {
            stamp(p + i % PAGES * PAGE, i % PAGES, 1, 50 + i);
            end_child(holds(p + i % PAGES * PAGE, i % PAGES, 1, 50 + i));
        }
        good += went_well(pids[0]);
    }
    CHECK_NUMBER("one child after the other", 30, good);
    CHECK("one child after the other, the pages", holds(p, 0, PAGES, 1));

    put_stamped(p, MANY, 2);
    CHECK_CHILD("many pages, a child sees them", holds(p, 0, MANY, 2));
    CHECK_CHILD("many pages, a child writes them", (stamp(p, 0, MANY, 3), holds(p, 0, MANY, 3)));
    CHECK("many pages, their parent's", holds(p, 0, MANY, 2));
    pids[0] = must_fork();
    if (pids[0] == 0)
        end_child(wait_for(flag, 2) && holds(p, 0, MANY, 2));
    stamp(p, 0, MANY, 4);
    *flag = 2;
    CHECK("many pages, a parent writes, its child's", went_well(pids[0]));
    CHECK("many pages, a parent writes, its own", holds(p, 0, MANY, 4));
    leave(p, MANY);
}

static void of_files(void)
{
    int fd = file_new(4, 1);
    if (fd == -1)
        return;
    char *p = room(10), *q = p + 5 * PAGE;
    put_file(p, 4, RW, MAP_SHARED, fd, 0);
    put_file(q, 4, RW, MAP_PRIVATE, fd, 0);
    stamp(q + PAGE, 1, 1, 2);
    CHECK_CHILD("files, a child sees both",
                holds(p, 0, 4, 1) && holds(q, 0, 1, 1) && holds(q + PAGE, 1, 1, 2));
    CHECK_CHILD("shared file, a child writes", (stamp(p, 0, 1, 3), holds(p, 0, 1, 3)));
    CHECK("shared file, its parent sees it", holds(p, 0, 1, 3));
    CHECK("shared file, read sees it", file_holds(fd, 0, 1, 3));
    *flag = 0;
    pid_t pid = must_fork();
    if (pid == 0)
        end_child(wait_for(flag, 1) && holds(p + 3 * PAGE, 3, 1, 4));
    stamp(p + 3 * PAGE, 3, 1, 4);
    *flag = 1;
    CHECK("shared file, a parent writes, its child sees it", went_well(pid));
    CHECK_CHILD("private file, a child writes its parent's copy",
                (stamp(q + PAGE, 1, 1, 5), holds(q + PAGE, 1, 1, 5)));
    CHECK("private file, its parent's copy", holds(q + PAGE, 1, 1, 2));
    CHECK_CHILD("private file, a child makes a copy",
                (stamp(q + 2 * PAGE, 2, 1, 6), holds(q + 2 * PAGE, 2, 1, 6)));
    CHECK("private file, its parent sees the file", holds(q + 2 * PAGE, 2, 1, 1));
    CHECK("private file, the file", file_holds(fd, 1, 2, 1));
    leave(p, 10);
    file_end(fd);
}

void section_fork(void)
{
    char *p = room(1);
    flag = (volatile int *)put(p, 1, RW, SHARED_ANON);
    private_pages();
    shared_pages();
    mappings();
    generations();
    many_children();
    of_files();
    leave(p, 1);
}
