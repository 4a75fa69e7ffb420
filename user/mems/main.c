/* SPDX-License-Identifier: MIT
 * mems shows MeMS: ten blocks, one of them freed and allocated again. `mems do` takes other calls from the
 * command line, `mems stress` makes random ones. */
#include "lib/print.h"
#include "lib/string.h"
#include "user/mems/mems.h"
#include "user/mems/stress.h"
#include "user/rt/program.h"
#include "user/rt/sys.h"

const struct program program = {.name = "mems"};

/* A number that is a MeMS address. */
static void *address(uint32_t v)
{
    return (void *)(uintptr_t)v;
}

static void outcome(bool good, const char *what)
{
    printf("%s\n", good ? what : mems_error());
}

static void do_init(uint32_t unused UNUSED)
{
    printf("init: ");
    outcome(mems_init(), "done");
}

static void do_malloc(uint32_t bytes)
{
    void *v = mems_malloc(bytes);
    printf("malloc %u: ", (unsigned)bytes);
    if (v != NULL)
        printf("%zu\n", (size_t)v);
    else
        outcome(false, NULL);
}

static void do_free(uint32_t v)
{
    printf("free %u: ", (unsigned)v);
    outcome(mems_free(address(v)), "done");
}

static void do_get(uint32_t v)
{
    void *at = mems_get(address(v));
    printf("get %u: ", (unsigned)v);
    if (at != NULL)
        printf("%p\n", at);
    else
        outcome(false, NULL);
}

/* Writes a byte and reads it again, through addresses that were asked for twice. */
static void do_touch(uint32_t v)
{
    volatile uint8_t *at = mems_get(address(v));
    printf("touch %u: ", (unsigned)v);
    if (at != NULL) {
        *at = (uint8_t)(v + 1);
        at = mems_get(address(v));
    }
    outcome(at != NULL, at != NULL && *at == (uint8_t)(v + 1) ? "done" : "it holds something else");
}

static void do_stats(uint32_t unused UNUSED)
{
    mems_print_stats();
}

static void do_check(uint32_t unused UNUSED)
{
    const char *wrong = mems_check();
    printf("check: %s\n", wrong != NULL ? wrong : "ok");
}

static void do_finish(uint32_t unused UNUSED)
{
    printf("finish: ");
    outcome(mems_finish(), "done");
}

static const struct verb {
    const char *name;
    void (*run)(uint32_t argument);
    bool takes_number;
} verbs[] = {
    {"init", do_init, false},   {"malloc", do_malloc, true},  {"free", do_free, true},
    {"get", do_get, true},      {"touch", do_touch, true},    {"stats", do_stats, false},
    {"check", do_check, false}, {"finish", do_finish, false},
};

static NORETURN void bad_command(void)
{
    usage("[do {init | malloc BYTES | free V | get V | touch V | stats | check | finish} ... | stress [N: "
          "1..100000000, default 100000 [SEED]]]");
}

/* => how many words it took; 0: it is not one that we know */
static int run_verb(int argc, char **argv)
{
    for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
        uint32_t number = 0;
        if (strcmp(argv[0], verbs[i].name) != 0)
            continue;
        if (verbs[i].takes_number && (argc < 2 || !parse_u32(argv[1], false, &number)))
            return 0;
        verbs[i].run(number);
        return 1 + verbs[i].takes_number;
    }
    return 0;
}

static int do_words(int argc, char **argv)
{
    for (int i = 0, took; i < argc; i += took)
        if ((took = run_verb(argc - i, argv + i)) == 0)
            bad_command();
    return STATUS_OK;
}

static int demo(void)
{
    enum { BLOCKS = 10, INTS = 250, FREED = 3 };
    int *block[BLOCKS];
    mems_init();
    printf("Ten blocks of 250 integers:\n");
    for (int i = 0; i < BLOCKS; i++) {
        block[i] = mems_malloc(INTS * sizeof *block[i]);
        printf("%zu\n", (size_t)block[i]);
    }
    int *at = mems_get(&block[0][1]);
    *at = 200;
    printf("An integer at %zu is really at %p, and holds %d\n", (size_t)&block[0][1], (void *)at, *at);
    mems_print_stats();
    for (int i = 0; i < BLOCKS; i++)
        for (int j = 0; j < INTS; j++)
            *(int *)mems_get(&block[i][j]) = i;
    printf("All blocks are written, so that all pages have frames; the one at %zu is freed:\n",
           (size_t)block[FREED]);
    mems_free(block[FREED]);
    mems_print_stats();
    block[FREED] = mems_malloc(INTS * sizeof *block[FREED]);
    printf("The next block of this size goes to %zu:\n", (size_t)block[FREED]);
    mems_print_stats();
    for (int i = 0; i < BLOCKS; i++)
        mems_free(block[i]);
    struct mems_figures f = mems_figures();
    if (mems_check() != NULL || f.unused != f.pages * PAGE_SIZE || f.segments != f.spans || !mems_finish())
        fail("all is freed, but unused=%zu pages=%zu segments=%zu", f.unused, f.pages, f.segments);
    return ok("blocks=%d spans=%zu pages=%zu", BLOCKS, f.spans, f.pages);
}

int main(int argc, char **argv, char **envp UNUSED)
{
    enum { OPERATIONS = 100000, MOST = 100000000 };
    uint32_t n = OPERATIONS, seed = 1;
    if (argc == 1)
        return demo();
    if (strcmp(argv[1], "do") == 0)
        return do_words(argc - 2, argv + 2);
    if (strcmp(argv[1], "stress") != 0 || argc > 4 || (argc > 2 && !parse_u32(argv[2], false, &n)) ||
        n == 0 || n > MOST || (argc > 3 && !parse_u32(argv[3], false, &seed)))
        bad_command();
    return stress(n, seed);
}
