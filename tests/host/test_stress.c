/* SPDX-License-Identifier: MIT
 * The long random test: several spaces in two pools map, write, read, protect, unmap, grow and shrink heaps,
 * end and start again, while frames and slots are short and the disk fails now and then. A model knows
 * what every page must hold and what every call must answer. Every page is stamped as a whole. */
#include "lib/panic.h"
#include "lib/random.h"
#include "lib/string.h"
#include "mm/stats.h"
#include "tests/host/pages.h"

enum {
    SPACES = 4,
    POOLS = 2,
    WINDOW = 64, /* pages that are mapped and unmapped at random */
    HEAP = 16,   /* pages of heap at most, above a gap */
    HEAP_AT = WINDOW + 8,
    MODELLED = HEAP_AT + HEAP,
    RW = VM_READ | VM_WRITE,
    CHECK_EVERY = 500,
};

/* What a page must be. */
struct page_model {
    bool mapped, from_file;
    uint32_t prot;
    uint32_t generation; /* 0: as its source fills it */
};

struct actor {
    struct space space;
    struct page_model page[MODELLED];
    uint32_t heap_bytes;
};

struct setup {
    const char *policy[POOLS];
    uint32_t limit[POOLS], frames, high, slots, ops, seed;
    bool disk_fails;
};

static struct {
    struct ktest_run *t;
    const struct setup *with;
    struct pool pool[POOLS];
    struct actor actor[SPACES];
    struct object *file;
    uint32_t rng, generation, refused, next_pid;
} stress;

static _Alignas(PAGE_SIZE) uint32_t file[WINDOW * PAGE_SIZE / sizeof(uint32_t)];

static uint32_t below(uint32_t n)
{
    return random_below(&stress.rng, n);
}

/* May the operation have failed like this? Only for want of memory, swap or disk. */
static bool excused(enum vm_result r)
{
    stress.refused++;
    return r == VM_NO_SWAP || (stress.with->disk_fails && r == VM_IO_ERROR);
}

static void complain(const struct actor *a, uint32_t i, const char *what)
{
    struct ktest_run *t = stress.t;
    if (t->failures++ == 0)
        print(t->out, "# seed %u, pid %u page %u: %s\n", stress.with->seed, a->space.pmap.tag, i, what);
}

static uint32_t expected_word(const struct actor *a, uint32_t i, vaddr_t va)
{
    const struct page_model *m = &a->page[i];
    if (m->generation == 0 && m->from_file)
        return file[(i * PAGE_SIZE + va % PAGE_SIZE) / sizeof(uint32_t)];
    return stamp_of(a->space.pmap.tag, va, m->generation);
}

static enum vm_result allowed(const struct page_model *m, enum vm_prot access)
{
    return !m->mapped ? VM_NO_REGION : m->prot & access ? VM_OK : VM_FORBIDDEN;
}

static void op_read(struct actor *a, uint32_t i)
{
    for (vaddr_t va = page_va(i); va < page_va(i + 1); va += sizeof(uint32_t)) {
        uint32_t v;
        enum vm_result r = machine_access(&a->space, va, VM_READ, &v), want = allowed(&a->page[i], VM_READ);
        if (r != want) {
            if (want != VM_OK || !excused(r))
                complain(a, i, vm_result_name(r));
            return;
        }
        if (r != VM_OK)
            return;
        if (v != expected_word(a, i, va)) {
            complain(a, i, "has other content than was written");
            return;
        }
    }
}

static void op_write(struct actor *a, uint32_t i)
{
    enum vm_result want = allowed(&a->page[i], VM_WRITE),
                   r = page_stamp(&a->space, page_va(i), ++stress.generation);
    if (r == VM_OK)
        a->page[i].generation = stress.generation;
    if (r != want && (want != VM_OK || !excused(r)))
        complain(a, i, vm_result_name(r));
}

/* The kernel writes a page, and reads one that may be bad. */
static void op_copy(struct actor *a, uint32_t i)
{
    static uint32_t buffer[PAGE_SIZE / sizeof(uint32_t)];
    enum vm_result want = allowed(&a->page[i], VM_WRITE), r;
    stress.generation++;
    for (uint32_t w = 0; w < ARRAY_SIZE(buffer); w++)
        buffer[w] =
            stamp_of(a->space.pmap.tag, page_va(i) + w * (uint32_t)sizeof(uint32_t), stress.generation);
    r = space_copy_out(&a->space, page_va(i), buffer, PAGE_SIZE);
    if (r == VM_OK)
        a->page[i].generation = stress.generation;
    if (r != want && (want != VM_OK || !excused(r)))
        complain(a, i, vm_result_name(r));
    want = allowed(&a->page[i], VM_READ);
    r = space_copy_in(&a->space, buffer, page_va(i), PAGE_SIZE);
    if (r != want && (want != VM_OK || !excused(r)))
        complain(a, i, vm_result_name(r));
    for (uint32_t w = 0; r == VM_OK && w < ARRAY_SIZE(buffer); w++)
        if (buffer[w] != expected_word(a, i, page_va(i) + w * (uint32_t)sizeof(uint32_t)))
            complain(a, i, "is copied in with other content than was written");
}

static void op_map(struct actor *a, uint32_t i, uint32_t n)
{
    static const uint32_t prots[] = {RW, RW, RW, RW, RW, VM_READ};
    uint32_t prot = prots[below(ARRAY_SIZE(prots))];
    bool from_file = below(2), taken = false;
    for (uint32_t k = i; k < i + n; k++)
        taken |= a->page[k].mapped;
    struct region region = {page_va(i), page_va(i + n), prot, 0, "anon", 0, NULL};
    if (from_file) {
        region.object = stress.file;
        region.offset = i * PAGE_SIZE;
        object_ref(stress.file);
    }
    enum vm_result r = space_map(&a->space, &region);
    if (r != VM_OK && from_file)
        object_unref(stress.file);
    if (r != (taken ? VM_EXISTS : VM_OK))
        complain(a, i, "space_map");
    for (uint32_t k = i; r == VM_OK && k < i + n; k++)
        a->page[k] = (struct page_model){true, from_file, prot, 0};
}

static void op_unmap(struct actor *a, uint32_t i, uint32_t n)
{
    if (space_unmap(&a->space, page_va(i), n * PAGE_SIZE) != VM_OK)
        complain(a, i, "space_unmap");
    for (uint32_t k = i; k < i + n; k++)
        a->page[k].mapped = false;
}

static void op_protect(struct actor *a, uint32_t i, uint32_t n)
{
    static const uint32_t prots[] = {RW, RW, RW, VM_READ, VM_READ, 0};
    uint32_t prot = prots[below(ARRAY_SIZE(prots))];
    bool whole = true;
    for (uint32_t k = i; k < i + n; k++)
        whole &= a->page[k].mapped;
    enum vm_result r = space_protect(&a->space, page_va(i), n * PAGE_SIZE, prot);
    if (r != (whole ? VM_OK : VM_NO_REGION))
        complain(a, i, "space_protect");
    for (uint32_t k = i; k < i + n && a->page[k].mapped; k++) /* up to the first hole */
        a->page[k].prot = prot;
}

static void op_brk(struct actor *a)
{
    uint32_t bytes = below(HEAP * PAGE_SIZE + 1);
    if (space_brk(&a->space, a->space.brk_start + bytes) != a->space.brk_start + bytes)
        complain(a, HEAP_AT, "space_brk");
    uint32_t old = (a->heap_bytes + PAGE_SIZE - 1) / PAGE_SIZE, now = (bytes + PAGE_SIZE - 1) / PAGE_SIZE;
    for (uint32_t k = old; k < now; k++)
        a->page[HEAP_AT + k] = (struct page_model){true, false, RW, 0};
    for (uint32_t k = now; k < old; k++)
        a->page[HEAP_AT + k].mapped = false;
    a->heap_bytes = bytes;
}

/* The disk lies for the time of one access. */
static void op_corrupt(struct actor *a, uint32_t i)
{
    struct pte pte = pmap_lookup(&a->space.pmap, page_va(i));
    uint32_t v, bit = below(PAGE_SIZE * 8);
    if (pte.state != PTE_SWAPPED || swap_cached(pte.slot) != NULL || !(a->page[i].prot & VM_READ))
        return;
    disk_flip_bit(&machine.disk, pte.slot.n, bit);
    enum vm_result r = machine_access(&a->space, page_va(i), VM_READ, &v);
    if (r != VM_CORRUPT && !excused(r))
        complain(a, i, "is corrupt on the disk, and nobody notices");
    disk_flip_bit(&machine.disk, pte.slot.n, bit);
}

static void start(struct actor *a)
{
    memset(a, 0, sizeof *a);
    uint32_t pid = ++stress.next_pid;
    if (space_init(&a->space, &stress.pool[pid % POOLS], pid) != VM_OK)
        panic("stress: no memory for pid %u", pid);
    a->space.brk_start = a->space.brk = page_va(HEAP_AT);
    op_map(a, 0, WINDOW);
}

static void one_op(void)
{
    struct actor *a = &stress.actor[below(SPACES)];
    uint32_t i = below(WINDOW), n = 1 + below(MIN(12u, (uint32_t)WINDOW - i));
    uint32_t any = below(4) ? below(MODELLED) : below(10); /* some pages are hot */
    uint32_t draw = below(1000);
    if (draw < 400)
        op_read(a, any);
    else if (draw < 780)
        op_write(a, any);
    else if (draw < 840)
        op_copy(a, any);
    else if (draw < 860)
        op_corrupt(a, any);
    else if (draw < 920) {
        if (below(4))
            op_unmap(a, i, n); /* as MAP_FIXED does */
        op_map(a, i, n);
    } else if (draw < 925)
        op_unmap(a, i, n);
    else if (draw < 975)
        op_protect(a, i, n);
    else if (draw < 990)
        op_brk(a);
    else if (draw < 992) {
        space_destroy(&a->space);
        start(a);
    } else {
        struct pool *p = &stress.pool[below(POOLS)];
        enum vm_result r = p->resident > 0 ? pool_evict(p, SWAP_NORMAL) : VM_OK;
        if (r != VM_OK && !excused(r))
            complain(a, i, "pool_evict");
    }
    if (stress.with->disk_fails && below(50) == 0)
        machine.disk.fail_writes = below(30);
    if (stress.with->disk_fails && below(50) == 0)
        machine.disk.fail_reads = below(3);
}

static void stress_run(struct ktest_run *t, const struct setup *with)
{
    machine_build_high(with->frames, with->high, TEST_RESERVE, with->slots);
    memset(&stress, 0, sizeof stress);
    stress.t = t;
    stress.with = with;
    stress.rng = with->seed;
    for (size_t i = 0; i < ARRAY_SIZE(file); i++)
        file[i] = (uint32_t)i * 2654435761u;
    for (uint32_t i = 0; i < POOLS; i++)
        if (pool_init(&stress.pool[i], i ? "b" : "a", policy_find(with->policy[i]), with->limit[i],
                      with->seed) != VM_OK)
            panic("stress: pool_init");
    if ((stress.file = object_create_file("file", file, sizeof file)) == NULL)
        panic("stress: no memory for the file");
    for (uint32_t i = 0; i < SPACES; i++)
        start(&stress.actor[i]);
    for (uint32_t op = 0; op < with->ops && t->failures == 0; op++) {
        one_op();
        if (op % CHECK_EVERY == 0)
            test_check(t);
    }
    machine.disk.fail_reads = machine.disk.fail_writes = 0;
    for (uint32_t i = 0; i < SPACES && t->failures == 0; i++)
        for (uint32_t k = 0; k < MODELLED; k++)
            op_read(&stress.actor[i], k);
    test_check(t);
    EXPECT(t, stress.refused < with->ops / 4); /* or it tested nothing */
    EXPECT(t, vmstat.pgmajfault > with->ops / 20);
    for (uint32_t i = 0; i < SPACES; i++)
        space_destroy(&stress.actor[i].space);
    object_unref(stress.file);
    for (uint32_t i = 0; i < POOLS; i++)
        pool_destroy(&stress.pool[i]);
}

/* Every policy against the next one. */
static void every_policy(struct ktest_run *t, struct setup with)
{
    for (uint32_t i = 0; i < policy_count && t->failures == 0; i++) {
        with.policy[0] = policy_table[i]->name;
        with.policy[1] = policy_table[(i + 1) % policy_count]->name;
        with.seed = i + 1;
        stress_run(t, &with);
    }
}

TEST(stress_few_frames)
{
    every_policy(t, (struct setup){.limit = {6, 9}, .frames = 256, .slots = 400, .ops = 20000});
}

TEST(stress_more_frames)
{
    every_policy(t, (struct setup){.limit = {64, 32}, .frames = 256, .slots = 400, .ops = 20000});
}

TEST(stress_short_memory)
{
    every_policy(t, (struct setup){.limit = {64, 64}, .frames = 64, .slots = 400, .ops = 20000});
}

TEST(stress_swap_nearly_full)
{
    every_policy(t, (struct setup){.limit = {24, 16}, .frames = 256, .slots = 90, .ops = 20000});
}

TEST(stress_failing_disk)
{
    every_policy(
        t, (struct setup){.limit = {16, 24}, .frames = 256, .slots = 400, .ops = 20000, .disk_fails = true});
}

TEST(stress_high_memory)
{
    every_policy(t, (struct setup){.limit = {24, 16}, .frames = 256, .high = 64, .slots = 400, .ops = 20000});
}

TEST(stress_high_and_low_memory_short)
{
    every_policy(t, (struct setup){.limit = {64, 64}, .frames = 48, .high = 24, .slots = 400, .ops = 20000});
}
