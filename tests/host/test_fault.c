/* SPDX-License-Identifier: MIT
 * Tests of the page fault, case by case as numbered in mm/fault.c, and of what a fault must not harm. */
#include "lib/log.h"
#include "mm/buddy.h"
#include "mm/fault_log.h"
#include "mm/stats.h"
#include "tests/host/pages.h"

enum { LIMIT = 6, RW = VM_READ | VM_WRITE };

/* So many clean pages come in that a FIFO pool holds nothing else. */
static void push_out(struct world *w, uint32_t from)
{
    for (uint32_t i = 0; i < LIMIT; i++)
        page_touch(&w->space, from + i);
}

static void expect_refused(struct ktest_run *t, struct world *w, vaddr_t va, enum vm_prot access,
                           enum vm_result why, enum fault_case kase)
{
    struct vmstat before = vmstat;
    uint32_t v = 1, resident = w->pool.resident, minor = w->space.minor;
    EXPECT_EQ(t, machine_access(&w->space, va, access, &v), why);
    EXPECT_EQ(t, machine.last.kase, kase);
    EXPECT(t, machine.last.frame == NULL && !slot_valid(machine.last.slot));
    EXPECT_EQ(t, vmstat.pgfault, before.pgfault + 1);
    EXPECT_EQ(t, vmstat.fault_case[kase], before.fault_case[kase] + 1);
    EXPECT_EQ(t, w->space.minor, minor + 1);
    EXPECT_EQ(t, w->pool.resident, resident);
}

TEST(fault_case_0_no_region)
{
    struct world w;
    world_init(&w, "fifo", LIMIT, 2);
    expect_refused(t, &w, 0, VM_READ, VM_NO_REGION, CASE_NO_REGION);
    expect_refused(t, &w, USER_START, VM_READ, VM_NO_REGION, CASE_NO_REGION);
    expect_refused(t, &w, page_va(0) - 4, VM_WRITE, VM_NO_REGION, CASE_NO_REGION);
    expect_refused(t, &w, page_va(2), VM_READ, VM_NO_REGION, CASE_NO_REGION);
    expect_refused(t, &w, USER_END, VM_READ, VM_NO_REGION, CASE_NO_REGION);
    expect_refused(t, &w, 0xfffffffc, VM_WRITE, VM_NO_REGION, CASE_NO_REGION);
    EXPECT(t, machine.last.region == NULL);
    EXPECT_EQ(t, w.space.regions.count, 1);
    world_destroy(&w);
}

TEST(fault_case_1_forbidden)
{
    struct world w;
    world_init(&w, "fifo", LIMIT, 0);
    pages_map(&w.space, 0, 1, VM_READ);
    pages_map(&w.space, 1, 1, VM_READ | VM_EXEC);
    pages_map(&w.space, 2, 1, 0);
    for (int resident = 0; resident <= 1; resident++) { /* the same whether the page is there or not */
        expect_refused(t, &w, page_va(0), VM_WRITE, VM_FORBIDDEN, CASE_FORBIDDEN);
        expect_refused(t, &w, page_va(1), VM_WRITE, VM_FORBIDDEN, CASE_FORBIDDEN);
        expect_refused(t, &w, page_va(2), VM_READ, VM_FORBIDDEN, CASE_FORBIDDEN);
        expect_refused(t, &w, page_va(2), VM_WRITE, VM_FORBIDDEN, CASE_FORBIDDEN);
        word_load(&w.space, 0);
        word_load(&w.space, 1);
    }
    uint32_t v;
    EXPECT_EQ(t, machine_access(&w.space, page_va(1), VM_EXEC, &v), VM_OK);
    EXPECT_EQ(t, w.pool.resident, 0); /* the page of zeros is nobody's */
    world_destroy(&w);
}

TEST(fault_case_2_spurious)
{
    struct world w;
    world_init(&w, "fifo", LIMIT, 1);
    word_store(&w.space, 0, 5);
    EXPECT_EQ(t, space_protect(&w.space, page_va(0), PAGE_SIZE, VM_READ), VM_OK);
    EXPECT_EQ(t, word_load(&w.space, 0), 5);
    EXPECT_EQ(t, space_protect(&w.space, page_va(0), PAGE_SIZE, RW), VM_OK);
    struct vmstat before = vmstat;
    EXPECT_EQ(t, vmstat.pgreuse, 0);
    word_store(&w.space, 0, 6); /* the TLB entry still says read-only */
    EXPECT_EQ(t, machine.last.kase, CASE_SPURIOUS);
    EXPECT_EQ(t, vmstat.fault_case[CASE_SPURIOUS], before.fault_case[CASE_SPURIOUS] + 1);
    EXPECT_EQ(t, vmstat.pgfault, before.pgfault + 1);
    EXPECT(t, machine.last.frame == frame_of(pmap_lookup(&w.space.pmap, page_va(0)).pfn));
    EXPECT_EQ(t, w.pool.resident, 1);
    EXPECT_EQ(t, vm_fault_in(&w.space, page_va(0), VM_READ), VM_OK); /* nobody needed it */
    EXPECT_EQ(t, w.pool.resident, 1);
    world_destroy(&w);
}

/* Reading gives the page of zeros, which costs no frame; writing then gives a page. */
TEST(fault_case_3_zero_page)
{
    struct world w;
    uint32_t v = 1;
    world_init(&w, "fifo", LIMIT, 3);
    uint32_t frames = buddy_free_frames();
    EXPECT_EQ(t, machine_access(&w.space, page_va(1) + 4092, VM_READ, &v), VM_OK);
    EXPECT_EQ(t, v, 0);
    EXPECT_EQ(t, machine.last.kase, CASE_FIRST_TOUCH);
    EXPECT_EQ(t, machine.last.region->start, page_va(0));
    EXPECT(t, machine.last.frame == zero_frame && page_frame(&w.space, 1) == zero_frame);
    EXPECT(t, !pmap_lookup(&w.space.pmap, page_va(1)).writable);
    EXPECT_EQ(t, w.pool.resident, 0);
    EXPECT_EQ(t, buddy_free_frames(), frames - 1); /* a page table */
    EXPECT_EQ(t, vmstat.fault_zero, 1);
    test_check(t);
    word_store(&w.space, 1, 7);
    EXPECT_EQ(t, machine.last.kase, CASE_COW);
    EXPECT(t, machine.last.what[0] == 'c' && machine.last.what[4] == 'z'); /* cow-zero */
    EXPECT_EQ(t, vmstat.fault_cow, 1);
    EXPECT_EQ(t, vmstat.pgreuse, 0);
    struct frame *f = page_frame(&w.space, 1);
    EXPECT(t, f != zero_frame && machine.last.frame == f && f->va == page_va(1));
    EXPECT_EQ(t, w.pool.resident, 1);
    EXPECT_EQ(t, word_load(&w.space, 0), 0); /* the page of zeros was not written */
    EXPECT_EQ(t, word_load(&w.space, 1), 7);
    EXPECT_EQ(t, machine_access(&w.space, page_va(1) + 4092, VM_READ, &v), VM_OK);
    EXPECT_EQ(t, v, 0);
    EXPECT_EQ(t, machine.disk.reads, 0);
    world_destroy(&w);
}

TEST(fault_case_3_first_touch)
{
    static const uint32_t data[PAGE_SIZE / sizeof(uint32_t)] = {11, 22};
    struct world w;
    uint32_t v;
    world_init(&w, "fifo", LIMIT, 2);
    struct object *o = file_map(&w.space, 2, data, sizeof data, VM_READ);
    EXPECT_EQ(t, machine_fault(&w.space, page_va(1) + 4092, VM_WRITE), VM_OK);
    EXPECT_EQ(t, machine.last.kase, CASE_FIRST_TOUCH);
    EXPECT_EQ(t, machine.last.region->start, page_va(0));
    struct pte pte = pmap_lookup(&w.space.pmap, page_va(1));
    EXPECT(t, pte.writable && !pte.dirty);
    EXPECT(t, machine.last.frame == frame_of(pte.pfn));
    EXPECT_EQ(t, machine.last.frame->va, page_va(1));
    enum vm_result r;
    EXPECT(t, page_stamped(&w.space, page_va(1), 0, &r)); /* the whole page */
    EXPECT_EQ(t, machine_access(&w.space, page_va(2) + 4, VM_READ, &v), VM_OK);
    EXPECT_EQ(t, v, 22);
    EXPECT_EQ(t, machine.last.kase, CASE_FIRST_TOUCH);
    EXPECT(t, !pmap_lookup(&w.space.pmap, page_va(2)).writable);
    EXPECT(t, page_frame(&w.space, 2) == object_lookup(o, 0).frame);
    EXPECT_EQ(t, vmstat.fault_zero, 1);
    EXPECT_EQ(t, vmstat.fault_file, 1);
    EXPECT_EQ(t, w.pool.resident, 2);
    EXPECT_EQ(t, w.space.minor, 2);
    EXPECT_EQ(t, w.space.major, 0);
    EXPECT_EQ(t, machine.disk.reads, 0);
    world_destroy(&w);
}

TEST(fault_case_4_swapped)
{
    struct world w;
    world_init(&w, "fifo", LIMIT, 20);
    EXPECT_EQ(t, page_stamp(&w.space, page_va(0), 1), VM_OK);
    push_out(&w, 10);
    struct pte out = pmap_lookup(&w.space.pmap, page_va(0));
    EXPECT_EQ(t, out.state, PTE_SWAPPED);
    EXPECT_EQ(t, w.space.major, 0);
    enum vm_result r;
    EXPECT(t, page_stamped(&w.space, page_va(0), 1, &r));
    EXPECT_EQ(t, machine.last.kase, CASE_SWAPPED);
    EXPECT_EQ(t, machine.last.slot.n, out.slot.n);
    EXPECT_EQ(t, w.space.major, 1);
    EXPECT_EQ(t, vmstat.pgmajfault, 1);
    EXPECT_EQ(t, vmstat.pswpin, 1);
    EXPECT_EQ(t, machine.last.frame->slot.n, out.slot.n);
    struct pte in = pmap_lookup(&w.space.pmap, page_va(0));
    EXPECT(t, in.state == PTE_PRESENT && in.writable && !in.dirty);
    test_check(t);
    world_destroy(&w);
}

/* Rights changed while the page was out hold when it is back. */
TEST(fault_case_4_with_other_rights)
{
    struct world w;
    uint32_t v = 1;
    world_init(&w, "fifo", LIMIT, 20);
    word_store(&w.space, 0, 77);
    push_out(&w, 10);
    EXPECT_EQ(t, space_protect(&w.space, page_va(0), PAGE_SIZE, VM_READ), VM_OK);
    EXPECT_EQ(t, word_load(&w.space, 0), 77);
    EXPECT_EQ(t, machine_access(&w.space, page_va(0), VM_WRITE, &v), VM_FORBIDDEN);
    push_out(&w, 10);
    EXPECT_EQ(t, space_protect(&w.space, page_va(0), PAGE_SIZE, 0), VM_OK);
    EXPECT_EQ(t, machine_access(&w.space, page_va(0), VM_READ, &v), VM_FORBIDDEN);
    EXPECT(t, page_swapped(&w.space, 0));
    EXPECT_EQ(t, space_protect(&w.space, page_va(0), PAGE_SIZE, RW), VM_OK);
    word_store(&w.space, 0, 78);
    world_destroy(&w);
}

TEST(fault_swap_in_io_error_refuses_and_harms_nothing)
{
    struct world w;
    uint32_t v;
    world_init(&w, "fifo", LIMIT, 20);
    for (uint32_t i = 0; i < 3; i++)
        EXPECT_EQ(t, page_stamp(&w.space, page_va(i), 1), VM_OK);
    push_out(&w, 10);
    uint32_t slots = swap_free(), frames = buddy_free_frames() + w.pool.resident;
    machine.disk.fail_reads = 1;
    EXPECT_EQ(t, machine_access(&w.space, page_va(1), VM_READ, &v), VM_IO_ERROR);
    EXPECT_EQ(t, machine.last.kase, CASE_SWAPPED);
    EXPECT(t, machine.last.frame == NULL);
    EXPECT(t, page_swapped(&w.space, 1));
    EXPECT_EQ(t, swap_free(), slots);
    EXPECT_EQ(t, buddy_free_frames() + w.pool.resident, frames);
    EXPECT_EQ(t, vmstat.swap_error, 1);
    EXPECT_EQ(t, vmstat.pgmajfault, 0);
    test_check(t);
    enum vm_result r;
    for (uint32_t i = 0; i < 3; i++) /* the next try succeeds */
        EXPECT(t, page_stamped(&w.space, page_va(i), 1, &r));
    world_destroy(&w);
}

TEST(fault_corrupt_swap_in_is_refused_and_others_are_unharmed)
{
    struct world w, other;
    uint32_t v;
    enum vm_result r;
    world_init(&w, "fifo", LIMIT, 20);
    world_init(&other, "fifo", LIMIT, 20);
    other.space.pmap.tag = 2;
    for (uint32_t i = 0; i < 3; i++) {
        EXPECT_EQ(t, page_stamp(&w.space, page_va(i), 1), VM_OK);
        EXPECT_EQ(t, page_stamp(&other.space, page_va(i), 1), VM_OK);
    }
    push_out(&w, 10);
    push_out(&other, 10);
    disk_flip_bit(&machine.disk, pmap_lookup(&w.space.pmap, page_va(1)).slot.n, 4000);
    for (int again = 0; again < 2; again++) {
        EXPECT_EQ(t, machine_access(&w.space, page_va(1), VM_READ, &v), VM_CORRUPT);
        EXPECT(t, page_swapped(&w.space, 1));
    }
    EXPECT_EQ(t, vmstat.swap_corrupt, 2);
    EXPECT(t, page_stamped(&w.space, page_va(0), 1, &r));
    EXPECT(t, page_stamped(&w.space, page_va(2), 1, &r));
    for (uint32_t i = 0; i < 3; i++)
        EXPECT(t, page_stamped(&other.space, page_va(i), 1, &r));
    test_check(t);
    world_destroy(&w); /* as the kernel does with the process */
    for (uint32_t i = 0; i < 3; i++)
        EXPECT(t, page_stamped(&other.space, page_va(i), 1, &r));
    test_check(t);
    world_destroy(&other);
}

TEST(fault_exchanged_slots_are_noticed)
{
    struct world w;
    uint32_t v;
    world_init(&w, "fifo", LIMIT, 20);
    EXPECT_EQ(t, page_stamp(&w.space, page_va(0), 1), VM_OK);
    EXPECT_EQ(t, page_stamp(&w.space, page_va(1), 1), VM_OK);
    push_out(&w, 10);
    disk_exchange(&machine.disk, pmap_lookup(&w.space.pmap, page_va(0)).slot.n,
                  pmap_lookup(&w.space.pmap, page_va(1)).slot.n);
    EXPECT_EQ(t, machine_access(&w.space, page_va(0), VM_READ, &v), VM_CORRUPT);
    EXPECT_EQ(t, machine_access(&w.space, page_va(1), VM_READ, &v), VM_CORRUPT);
    world_destroy(&w);
}

TEST(fault_beyond_the_end_of_the_file)
{
    static const uint32_t data[PAGE_SIZE / sizeof(uint32_t) + 1] = {11, 22};
    struct world w;
    world_init(&w, "fifo", LIMIT, 0);
    struct object *o = object_create_file("file", data, sizeof data);
    REQUIRE(t, o != NULL);
    EXPECT_EQ(t, pages_region(&w.space, 0, 4, RW, 0, o), VM_OK);
    EXPECT_EQ(t, word_load(&w.space, 1), 0);
    expect_refused(t, &w, page_va(2), VM_READ, VM_BEYOND, CASE_FIRST_TOUCH);
    expect_refused(t, &w, page_va(3), VM_WRITE, VM_BEYOND, CASE_FIRST_TOUCH);
    test_check(t);
    object_unref(o);
    world_destroy(&w);
}

/* ---- what the policy is told ---- */

static uint32_t announced, came;
static struct page_id announced_id;
static bool named_alike;

static void spy_missed(void *state UNUSED, struct page_id id)
{
    announced++;
    announced_id = id;
}

static void spy_inserted(void *state, struct frame *f)
{
    came++;
    named_alike = page_id_equal(policy_page(f), announced_id);
    policy_fifo.inserted(state, f);
}

/* Every page that comes in is announced once, by its name, before a victim is asked for. */
TEST(fault_pages_are_announced)
{
    struct world w;
    struct policy spy = policy_fifo;
    spy.inserted = spy_inserted;
    spy.missed = spy_missed;
    announced = came = 0;
    world_init(&w, "fifo", LIMIT, 20);
    EXPECT_EQ(t, pool_set_policy(&w.pool, &spy, 1), VM_OK);
    struct object *o = object_create("shared", 8 * PAGE_SIZE);
    EXPECT_EQ(t, pages_region(&w.space, 30, 8, VM_READ | VM_WRITE, REGION_SHARED, o), VM_OK);
    object_unref(o);
    static const uint32_t refs[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 2, 0, 30, 31, 1, 30, 32, 33, 34, 35, 30, 4};
    for (size_t i = 0; i < ARRAY_SIZE(refs); i++) {
        word_store(&w.space, refs[i], i);
        EXPECT(t, named_alike);
        EXPECT_EQ(t, announced, came);
    }
    EXPECT_EQ(t, came, machine.faults);
    EXPECT(t, vmstat.workingset_refault >= 4);
    world_destroy(&w);
}

/* ---- memory for page tables ---- */

static struct frame *hoard[2 * TEST_FRAMES];

static uint32_t take_all(enum alloc_for who)
{
    uint32_t n = 0;
    while ((hoard[n] = buddy_alloc(0, who)) != NULL)
        n++;
    return n;
}

/* No frame is free for a page table, not even in the reserve: a page makes room. */
TEST(fault_page_table_shortage_evicts)
{
    enum { FAR = 0x10000 };
    struct world w;
    world_init(&w, "fifo", 2 * LIMIT, 20);
    pages_map(&w.space, FAR, 2, RW);
    for (uint32_t i = 0; i < LIMIT; i++)
        word_store(&w.space, i, i);
    uint32_t n = take_all(ALLOC_KERNEL);
    word_store(&w.space, FAR, 99);
    EXPECT_EQ(t, vmstat.pgsteal, 2); /* one for the page, one for its table */
    EXPECT_EQ(t, w.pool.resident, LIMIT - 1);
    EXPECT_EQ(t, w.space.pmap.tables, 3);
    for (uint32_t i = 0; i < LIMIT; i++)
        EXPECT_EQ(t, word_load(&w.space, i), i);
    EXPECT_EQ(t, word_load(&w.space, FAR), 99);
    while (n > 0)
        buddy_free(hoard[--n]);
    test_check(t);
    world_destroy(&w);
}

/* The same when the pool of the process has nothing to give yet, but another one has. */
TEST(fault_page_table_from_another_pool)
{
    struct world old, fresh;
    world_init(&old, "fifo", 2 * LIMIT, 20);
    world_init(&fresh, "fifo", LIMIT, 20);
    fresh.space.pmap.tag = 2;
    for (uint32_t i = 0; i < LIMIT; i++)
        word_store(&old.space, i, i);
    uint32_t n = take_all(ALLOC_KERNEL);
    word_store(&fresh.space, 0, 1);
    EXPECT_EQ(t, old.pool.resident, LIMIT - 2);
    while (n > 0)
        buddy_free(hoard[--n]);
    test_check(t);
    world_destroy(&old);
    world_destroy(&fresh);
}

TEST(fault_without_any_memory)
{
    struct world w;
    uint32_t v;
    world_init(&w, "fifo", LIMIT, 20);
    uint32_t n = take_all(ALLOC_KERNEL);
    EXPECT_EQ(t, machine_access(&w.space, page_va(0), VM_WRITE, &v), VM_NO_MEMORY);
    EXPECT_EQ(t, machine.last.kase, CASE_FIRST_TOUCH);
    /* one frame: enough for the table, not for the page */
    buddy_free(hoard[--n]);
    EXPECT_EQ(t, machine_access(&w.space, page_va(0), VM_WRITE, &v), VM_NO_MEMORY);
    EXPECT_EQ(t, machine_access(&w.space, page_va(0), VM_READ, &v), VM_OK); /* that needs no frame */
    EXPECT_EQ(t, machine_access(&w.space, page_va(0), VM_WRITE, &v), VM_NO_MEMORY);
    EXPECT_EQ(t, machine.last.kase, CASE_COW);
    EXPECT_EQ(t, v, 0);
    while (n > 0)
        buddy_free(hoard[--n]);
    EXPECT_EQ(t, machine_access(&w.space, page_va(0), VM_WRITE, &v), VM_OK);
    test_check(t);
    world_destroy(&w);
}

/* ---- what people see ---- */

TEST(fault_counters_are_conserved)
{
    struct world w;
    uint32_t v = 0, zero_pages = 0;
    world_init(&w, "clock", LIMIT, 30);
    for (uint32_t i = 0; i < 500; i++) {
        uint32_t before = machine.faults;
        enum vm_result r = machine_access(&w.space, page_va(i * 7 % 33), i % 4 ? VM_READ : VM_WRITE, &v);
        EXPECT_EQ(t, r, i * 7 % 33 < 30 ? VM_OK : VM_NO_REGION);
        zero_pages += machine.faults > before && machine.last.frame == zero_frame;
    }
    uint32_t sum = 0;
    for (int i = 0; i < FAULT_CASES; i++)
        sum += vmstat.fault_case[i];
    EXPECT_EQ(t, sum, vmstat.pgfault);
    EXPECT_EQ(t, vmstat.pgfault, machine.faults);
    EXPECT_EQ(t, vmstat.pgfault, w.space.minor + w.space.major);
    EXPECT_EQ(t, vmstat.pgmajfault, w.space.major);
    EXPECT_EQ(t, vmstat.pgmajfault, vmstat.fault_case[CASE_SWAPPED]);
    EXPECT_EQ(t, vmstat.pgmajfault, machine.disk.reads);
    EXPECT_EQ(t, vmstat.pswpout, machine.disk.writes);
    EXPECT_EQ(t, vmstat.pgsteal, w.pool.evictions);
    EXPECT_EQ(t, vmstat.pgsteal, vmstat.pgsteal_clean + vmstat.pswpout);
    EXPECT_EQ(t, w.space.pmap.evictions, w.pool.evictions);
    EXPECT_EQ(t, w.space.pmap.writebacks, vmstat.pswpout);
    EXPECT_EQ(t, vmstat.allocstall, vmstat.pgsteal);
    EXPECT(t, zero_pages > 0 && vmstat.fault_case[CASE_COW] > 0 && vmstat.pgreuse == 0);
    EXPECT_EQ(t,
              vmstat.fault_case[CASE_FIRST_TOUCH] - zero_pages + vmstat.fault_case[CASE_SWAPPED] +
                  vmstat.fault_case[CASE_COW],
              vmstat.pgsteal + w.pool.resident);
    EXPECT_EQ(t, vmstat.fault_zero, vmstat.fault_case[CASE_FIRST_TOUCH]);
    EXPECT_EQ(t, vmstat.fault_swap, vmstat.fault_case[CASE_SWAPPED]);
    EXPECT_EQ(t, vmstat.fault_cow, vmstat.fault_case[CASE_COW]);
    EXPECT_EQ(t, vmstat.fault_refused, vmstat.fault_case[CASE_NO_REGION]);
    world_destroy(&w);
}

TEST(fault_log_lines)
{
    struct world w;
    uint32_t v;
    world_init(&w, "fifo", LIMIT, 20);
    (void)log_configure("+fault");
    word_store(&w.space, 0, 1);
    EXPECT_HAS(t, &test_log, "fault pid=1 va=0x08048000 ip=0x00000000 access=write case=3 zero frame=0x");
    push_out(&w, 10);
    text_start(&test_log);
    word_load(&w.space, 0);
    EXPECT_HAS(t, &test_log, "access=read case=4 swap-in frame=0x");
    EXPECT(t, machine_access(&w.space, 4, VM_READ, &v) != VM_OK);
    EXPECT_HAS(t, &test_log, "va=0x00000004 ip=0x00000000 access=read case=0 no-region frame=none slot=none");
    EXPECT_EQ(t, space_protect(&w.space, page_va(0), PAGE_SIZE, VM_READ), VM_OK);
    EXPECT(t, machine_access(&w.space, page_va(0), VM_WRITE, &v) != VM_OK);
    EXPECT_HAS(t, &test_log, "case=1 forbidden");
    fault_seen(&fault_history[(fault_history_next - 1) % FAULT_HISTORY], false, false, 1ull << 32);
    EXPECT_HAS(t, &test_log,
               " ticks=4294967295"); /* not 0: what is too long for the line is as long as fits */
    struct text_printer said;
    text_start(&said);
    fault_history_print(&said.to);
    uint32_t lines = 0;
    for (const char *c = said.text; *c != '\0'; c++)
        lines += *c == '\n';
    EXPECT_EQ(t, lines, 1 + LIMIT + 3);
    for (uint32_t i = 0; i < FAULT_HISTORY; i++)
        EXPECT(t, machine_access(&w.space, 0, VM_READ, &v) != VM_OK);
    text_start(&said);
    fault_history_print(&said.to);
    EXPECT(t, !text_has(&said, "case=1"));
    EXPECT_HAS(t, &said, "case=0");
    world_destroy(&w);
}

TEST(fault_results_have_names)
{
    for (int r = VM_OK; r <= VM_INVALID; r++)
        EXPECT(t, vm_result_name((enum vm_result)r)[0] != '?');
    EXPECT_EQ(t, vm_result_name((enum vm_result)(VM_INVALID + 1))[0], '?');
}
