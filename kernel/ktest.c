/* SPDX-License-Identifier: MIT
 * Tests inside the kernel, on the real MMU. Each must leave as many free frames and slots as it found,
 * and every invariant intact. */
#include "arch/x86/cpu.h"
#include "arch/x86/io.h"
#include "arch/x86/paging.h"
#include "lib/command.h"
#include "lib/errno.h"
#include "lib/ktap.h"
#include "lib/log.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/check.h"
#include "mm/fault.h"
#include "mm/port.h"
#include "mm/reclaim.h"
#include "mm/rmap.h"
#include "mm/slab.h"
#include "mm/stats.h"

enum { TEST_PID = 7000, TEST_VA = 0x20000000 };

static void run_one(const struct ktest *test, int number, struct ktest_run *t)
{
    slab_reap_all();
    uint32_t frames = buddy_free_frames(), slots = swap_free();
    t->failures = 0;
    test->run(t);
    EXPECT(t, vm_check(t->out));
    slab_reap_all();
    EXPECT_EQ(t, buddy_free_frames(), frames);
    EXPECT_EQ(t, swap_free(), slots);
    print(t->out, "%s %d %s\n", t->failures ? "not ok" : "ok", number, test->name);
}

static int ktest_command(int argc UNUSED, char **argv UNUSED, struct printer *out)
{
    struct ktest_run t = {.out = out};
    int count = 0, failed = 0;
    print(out, "KTAP version 1\n1..%d\n", (int)(__stop_ktests - __start_ktests));
    for (const struct ktest *const *k = __start_ktests; k < __stop_ktests; k++) {
        count++;
        run_one(*k, count, &t);
        failed += t.failures != 0;
    }
    return failed;
}

COMMAND(ktest, "", "tests inside the kernel; prints KTAP", ktest_command);

/* --- a space of our own, driven by real loads and stores from the kernel ----------------------------- */

struct world {
    struct pool pool;
    struct space space;
};

/* The kernel may touch user addresses of the active space: pages must be present, or it panics. */
static volatile uint32_t *at(vaddr_t va)
{
    return (volatile uint32_t *)va;
}

static bool open_world(struct ktest_run *t, struct world *w, const char *policy, uint32_t frames)
{
    bool ok = pool_init(&w->pool, "test", policy_find(policy), frames, 1) == VM_OK &&
              space_init(&w->space, &w->pool, TEST_PID) == VM_OK;
    EXPECT(t, ok);
    if (ok)
        pmap_activate(&w->space.pmap);
    return ok;
}

static void close_world(struct world *w)
{
    pmap_activate(NULL);
    space_destroy(&w->space);
    pool_destroy(&w->pool);
}

static void map(struct ktest_run *t, struct world *w, uint32_t pages)
{
    struct region r = {
        .start = TEST_VA, .end = TEST_VA + pages * PAGE_SIZE, .prot = VM_READ | VM_WRITE, .name = "test"};
    EXPECT_EQ(t, space_map(&w->space, &r), VM_OK);
}

static void fault_in(struct ktest_run *t, struct world *w, uint32_t page, enum vm_prot access)
{
    vaddr_t va = TEST_VA + page * PAGE_SIZE;
    struct pte pte = pmap_lookup(&w->space.pmap, va);
    if (pte.state != PTE_PRESENT || (access == VM_WRITE && !pte.writable))
        EXPECT_EQ(t, vm_fault_in(&w->space, va, access), VM_OK);
}

/* A whole page that says whose it is: pid, page and generation are in every word. */
static uint32_t stamp_word(uint32_t page, uint32_t generation, uint32_t i)
{
    return TEST_PID * 2654435761u ^ page << 16 ^ generation << 24 ^ i * 40503u;
}

static void stamp(struct ktest_run *t, struct world *w, uint32_t page, uint32_t generation)
{
    fault_in(t, w, page, VM_WRITE);
    volatile uint32_t *p = at(TEST_VA + page * PAGE_SIZE);
    for (uint32_t i = 0; i < PAGE_SIZE / sizeof *p; i++)
        p[i] = stamp_word(page, generation, i);
}

static void verify(struct ktest_run *t, struct world *w, uint32_t page, uint32_t generation)
{
    uint32_t wrong = 0;
    fault_in(t, w, page, VM_READ);
    const volatile uint32_t *p = at(TEST_VA + page * PAGE_SIZE);
    for (uint32_t i = 0; i < PAGE_SIZE / sizeof *p; i++)
        wrong += p[i] != stamp_word(page, generation, i);
    EXPECT_EQ(t, wrong, 0);
}

static void test_page_ops(struct ktest_run *t)
{
    struct frame *a = buddy_alloc(0, ALLOC_KERNEL), *b = buddy_alloc(0, ALLOC_KERNEL);
    uint32_t *p = frame_ptr(a), *q = frame_ptr(b), rng = 12345;
    struct page_lanes lanes;
    for (uint32_t i = 0; i < PAGE_SIZE / sizeof *p; i++)
        p[i] = rng = rng * 1664525 + 1013904223;
    memset(q, 0xff, PAGE_SIZE);
    page_copy_sum_generic(NULL, p, &lanes);
    uint32_t expected = page_sum_fold(&lanes);
    EXPECT_EQ(t, page_sum(p), expected);
    EXPECT_EQ(t, page_copy_sum(q, p), expected);
    EXPECT_EQ(t, memcmp(p, q, PAGE_SIZE), 0);
    page_zero(q);
    for (uint32_t i = 0; i < PAGE_SIZE / sizeof *q; i++)
        EXPECT_EQ(t, q[i], 0);
    page_copy(q, p);
    EXPECT_EQ(t, memcmp(p, q, PAGE_SIZE), 0);
    buddy_free(a);
    buddy_free(b);
}
KTEST("page copy, zero and checksum equal the portable ones", test_page_ops);

static void test_sse_preserved(struct ktest_run *t)
{
    if (!cpu_features.sse2)
        return;
    struct frame *a = buddy_alloc(0, ALLOC_KERNEL), *b = buddy_alloc(0, ALLOC_KERNEL);
    struct fpu_state *before = frame_ptr(a);
    struct fpu_state *after = before + 1;
    void *page = frame_ptr(b);
    uint32_t pattern[4] = {1, 2, 3, 4};
    memset(before, 0, 2 * sizeof *before); /* fxsave leaves some bytes as they are */
    __asm__ volatile("movups %0, %%xmm0; movups %0, %%xmm1; movups %0, %%xmm2" : : "m"(pattern));
    fpu_save(before);
    page_zero(page);
    page_sum(page);
    page_copy_sum(page, page);
    fpu_save(after);
    EXPECT_EQ(t, memcmp(before, after, sizeof *before), 0);
    buddy_free(a);
    buddy_free(b);
}
KTEST("page operations preserve the program's SSE registers", test_sse_preserved);

static void test_accessed_dirty(struct ktest_run *t)
{
    struct world w;
    if (!open_world(t, &w, "fifo", 8))
        return;
    map(t, &w, 1);
    EXPECT_EQ(t, vm_fault_in(&w.space, TEST_VA, VM_WRITE), VM_OK);
    struct pte pte = pmap_lookup(&w.space.pmap, TEST_VA);
    EXPECT(t, !pte.accessed && !pte.dirty);
    (void)*at(TEST_VA);
    pte = pmap_lookup(&w.space.pmap, TEST_VA);
    EXPECT(t, pte.accessed && !pte.dirty);
    EXPECT(t, pmap_test_clear_accessed(&w.space.pmap, TEST_VA));
    EXPECT(t, !pmap_test_clear_accessed(&w.space.pmap, TEST_VA));
    (void)*at(TEST_VA); /* a stale TLB entry would leave the bit clear */
    EXPECT(t, pmap_test_clear_accessed(&w.space.pmap, TEST_VA));
    *at(TEST_VA) = 1;
    pte = pmap_lookup(&w.space.pmap, TEST_VA);
    EXPECT(t, pte.accessed && pte.dirty);
    close_world(&w);
}
KTEST("the MMU sets accessed and dirty, and again after clearing", test_accessed_dirty);

static void test_stale_unmap(struct ktest_run *t)
{
    struct world w;
    if (!open_world(t, &w, "fifo", 8))
        return;
    map(t, &w, 2);
    stamp(t, &w, 0, 1);
    EXPECT_EQ(t, pool_evict(&w.pool, SWAP_NORMAL), VM_OK);
    stamp(t, &w, 1, 2); /* likely in the frame that page 0 had */
    verify(t, &w, 0, 1);
    verify(t, &w, 1, 2);
    close_world(&w);
}
KTEST("no stale translation survives an eviction", test_stale_unmap);

static void test_policies(struct ktest_run *t)
{
    enum { PAGES = 40, GENERATIONS = 3 };
    for (uint32_t i = 0; i < policy_count; i++) {
        if (policy_table[i]->needs != 0)
            continue; /* more than a plain pool has */
        for (uint32_t frames = POOL_MIN_LIMIT; frames <= PAGES; frames += 13) {
            struct world w;
            uint32_t writes = vmstat.pswpout;
            if (!open_world(t, &w, policy_table[i]->name, frames))
                return;
            map(t, &w, PAGES);
            for (uint32_t g = 0; g < GENERATIONS; g++) {
                for (uint32_t p = 0; p < PAGES; p++) {
                    if (g > 0)
                        verify(t, &w, p * 7 % PAGES, g - 1);
                    stamp(t, &w, p * 7 % PAGES, g);
                }
            }
            EXPECT(t, w.pool.resident <= frames);
            EXPECT(t, vmstat.pswpout - writes >= PAGES - frames);
            EXPECT(t, vm_check(t->out));
            close_world(&w);
        }
    }
}
KTEST("stamped pages survive every policy at several frame limits", test_policies);

static void test_clean_eviction(struct ktest_run *t)
{
    struct world w;
    if (!open_world(t, &w, "fifo", 8))
        return;
    map(t, &w, 2);
    fault_in(t, &w, 0, VM_WRITE); /* a frame of its own, but nothing is written */
    (void)*at(TEST_VA);
    uint32_t writes = vmstat.pswpout;
    EXPECT_EQ(t, pool_evict(&w.pool, SWAP_NORMAL), VM_OK);
    EXPECT_EQ(t, vmstat.pswpout, writes); /* never written: dropped */
    EXPECT_EQ(t, pmap_lookup(&w.space.pmap, TEST_VA).state, PTE_NONE);
    stamp(t, &w, 1, 5);
    EXPECT_EQ(t, pool_evict(&w.pool, SWAP_NORMAL), VM_OK);
    EXPECT_EQ(t, vmstat.pswpout, writes + 1); /* dirty: written */
    verify(t, &w, 1, 5);
    EXPECT_EQ(t, pool_evict(&w.pool, SWAP_NORMAL), VM_OK);
    EXPECT_EQ(t, vmstat.pswpout, writes + 1); /* its slot was kept: dropped */
    verify(t, &w, 1, 5);
    close_world(&w);
}
KTEST("clean pages are dropped, dirty ones written once", test_clean_eviction);

static void test_copies(struct ktest_run *t)
{
    struct world w;
    char in[64] = "across a page boundary", back[64] = "";
    if (!open_world(t, &w, "clock", 6))
        return;
    map(t, &w, 10);
    vaddr_t va = TEST_VA + PAGE_SIZE - 10;
    EXPECT_EQ(t, space_copy_out(&w.space, va, in, sizeof in), VM_OK);
    for (uint32_t p = 2; p < 10; p++)
        stamp(t, &w, p, 0);
    EXPECT_EQ(t, pmap_lookup(&w.space.pmap, va).state, PTE_SWAPPED); /* the copy made it dirty */
    EXPECT_EQ(t, space_copy_in(&w.space, back, va, sizeof back), VM_OK);
    EXPECT_EQ(t, memcmp(in, back, sizeof in), 0);
    EXPECT_EQ(t, space_copy_in(&w.space, back, TEST_VA + 10 * PAGE_SIZE - 8, 16), VM_NO_REGION);
    EXPECT_EQ(t, space_copy_in(&w.space, back, KERNEL_BASE, 16), VM_NO_REGION);
    EXPECT_EQ(t, space_protect(&w.space, TEST_VA, PAGE_SIZE, VM_READ), VM_OK);
    EXPECT_EQ(t, space_copy_out(&w.space, TEST_VA, in, 4), VM_FORBIDDEN);
    close_world(&w);
}
KTEST("the kernel's copies fault pages in and mark them", test_copies);

static void test_kernel_rights(struct ktest_run *t)
{
    extern char __text_start[], __rodata_start[], __data_start[];
    uint32_t pde, pte;
    paging_walk((vaddr_t)__text_start, &pde, &pte);
    EXPECT_EQ(t, pte & (X86_P | X86_W | X86_U), X86_P);
    paging_walk((vaddr_t)__rodata_start, &pde, &pte);
    EXPECT_EQ(t, pte & (X86_P | X86_W | X86_U), X86_P);
    paging_walk((vaddr_t)__data_start, &pde, &pte);
    EXPECT_EQ(t, pte & (X86_P | X86_W | X86_U), X86_P | X86_W);
    paging_walk(0, &pde, &pte);
    EXPECT_EQ(t, (pde | pte) & X86_P, 0);
    enum { CR0_WP = 1 << 16 };
    EXPECT(t, read_cr0() & CR0_WP);
}
KTEST("kernel text and rodata are read-only, nothing is mapped at 0, CR0.WP is on", test_kernel_rights);

static void test_stacks(struct ktest_run *t)
{
    uint32_t a = kernel_stack_alloc(), b = kernel_stack_alloc();
    EXPECT(t, a != 0 && b != 0 && a != b);
    *(volatile uint32_t *)(a - 4) = 1;
    *(volatile uint32_t *)(a - KERNEL_STACK_SIZE) = 2;
    EXPECT(t, kernel_stack_guard(a - KERNEL_STACK_SIZE - 4));
    EXPECT(t, !kernel_stack_guard(a - KERNEL_STACK_SIZE));
    uint32_t pde, pte;
    paging_walk(a - KERNEL_STACK_SIZE - 4, &pde, &pte);
    EXPECT_EQ(t, pte & X86_P, 0);
    kernel_stack_free(a);
    kernel_stack_free(b);
}
KTEST("kernel stacks have unmapped guard pages", test_stacks);

static void test_two_spaces(struct ktest_run *t)
{
    struct world a, b;
    if (!open_world(t, &a, "clock", 6) || !open_world(t, &b, "fifo", 6))
        return;
    map(t, &a, 12);
    map(t, &b, 12);
    for (uint32_t round = 0; round < 3; round++) {
        struct world *w[] = {&a, &b};
        for (uint32_t i = 0; i < ARRAY_SIZE(w); i++) {
            pmap_activate(&w[i]->space.pmap);
            for (uint32_t p = 0; p < 12; p++) {
                if (round > 0)
                    verify(t, w[i], p, round - 1 + 10 * i);
                stamp(t, w[i], p, round + 10 * i);
            }
        }
    }
    EXPECT_EQ(t, a.pool.resident, 6);
    EXPECT_EQ(t, b.pool.resident, 6);
    close_world(&b);
    close_world(&a);
}
KTEST("two spaces at the same addresses stay apart", test_two_spaces);

/* In a machine with RAM beyond the direct map both frames lie there, and each look needs a new mapping. */
static void test_windows(struct ktest_run *t)
{
    struct frame *f[] = {buddy_alloc(0, ALLOC_USER), buddy_alloc(0, ALLOC_USER)};
    EXPECT(t, f[0] != NULL && f[1] != NULL);
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < ARRAY_SIZE(f); i++) {
            volatile uint32_t *to = page_window(frame_pfn(f[i]), WINDOW_TO);
            *to = TEST_PID + 2 * round + i;
        }
        for (uint32_t i = 0; i < ARRAY_SIZE(f); i++) {
            const volatile uint32_t *from = page_window(frame_pfn(f[i]), WINDOW_FROM);
            EXPECT_EQ(t, *from, TEST_PID + 2 * round + i);
            EXPECT_EQ(t, *(volatile uint32_t *)page_window(frame_pfn(f[i]), WINDOW_DRIVER), *from);
        }
    }
    buddy_free(f[0]);
    buddy_free(f[1]);
}
KTEST("a window shows the frame that was asked for last", test_windows);
