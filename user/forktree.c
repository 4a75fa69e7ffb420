/* SPDX-License-Identifier: MIT
 * A binary tree of processes over pages that all inherit: each checks what its parent left there, leaves its
 * own mark for its children, and checks at the end that nobody else wrote to its memory. */
#include "user/rt/program.h"
#include "user/rt/random.h"
#include "user/rt/sys.h"

const struct program program = {"forktree", {{"DEPTH", 4, 0, 6}, {"PAGES", 20, 1, 10000}}};

static uint32_t (*pages)[WORDS_PER_PAGE];
static unsigned count;

/* `node` numbers the tree as a heap: its children are 2 * node and 2 * node + 1. */
static uint32_t mark(unsigned node, unsigned page)
{
    return mix32(node * 65536 + page);
}

static void check_marks(unsigned node, const char *when)
{
    for (unsigned i = 0; i < count; i++)
        if (pages[i][i % WORDS_PER_PAGE] != mark(node, i))
            fail("node=%u page=%u wrong %s", node, i, when);
}

static void set_marks(unsigned node)
{
    for (unsigned i = 0; i < count; i++)
        pages[i][i % WORDS_PER_PAGE] = mark(node, i);
}

static void wait_for(long pid)
{
    int status;
    long got = sys_wait4((int)pid, &status, 0, NULL);
    if (got != pid)
        fail("wait4 pid=%ld result=%ld", pid, got);
    if (status != 0)
        fail("child pid=%ld status=%#x", pid, (unsigned)status);
}

/* The subtree of `node`, whose marks are set. */
static void grow(unsigned node, unsigned depth)
{
    long child[2];
    for (unsigned i = 0; i < 2 && depth > 0; i++) {
        child[i] = sys_fork();
        if (child[i] < 0)
            fail("fork errno=%ld", -child[i]);
        if (child[i] == 0) {
            check_marks(node, "when born");
            set_marks(2 * node + i);
            grow(2 * node + i, depth - 1);
            exit(STATUS_OK);
        }
    }
    for (unsigned i = 0; i < 2 && depth > 0; i++)
        wait_for(child[i]);
    check_marks(node, "at the end");
}

int main(int argc, char **argv, char **envp UNUSED)
{
    unsigned args[MAX_PARAMS];
    read_args(argc, argv, args);
    count = args[1];
    pages = map_pages(count);
    set_marks(1);
    grow(1, args[0]);
    return ok("depth=%u pages=%u processes=%u", args[0], count, (2u << args[0]) - 1);
}
