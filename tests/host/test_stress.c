/* SPDX-License-Identifier: MIT
 * The long random test: processes in two pools map, write, read, protect, lock, unmap, share, fork, grow and
 * shrink heaps, end and start again, while frames and slots are short and the disk fails now and then. A
 * model knows what every page must hold and what every call must answer. Private pages are stamped as a
 * whole; of a page of the shared object a few words are written.
 *
 * With `sleeps`, every actor is a fiber, and each transfer lets the others run. The model stays exact: an
 * access ends without sleeping, so what is true when it returns was true when it was made. */
#include "lib/panic.h"
#include "lib/random.h"
#include "lib/string.h"
#include "mm/stats.h"
#include "tests/host/fiber.h"
#include "tests/host/pages.h"

enum {
    ACTORS = 6,
    FEWEST = 3, /* actors with a process */
    POOLS = 2,
    WINDOW = 64, /* pages that are mapped and unmapped at random */
    HEAP = 16,   /* pages of heap at most, above a gap */
    HEAP_AT = WINDOW + 8,
    MODELLED = HEAP_AT + HEAP,
    WORDS = 4, /* of a page of the shared object are used */
    WORD_STEP = PAGE_SIZE / WORDS,
    RW = VM_READ | VM_WRITE,
    CHECK_EVERY = 400,
};

/* What a region shows. Page i of the window is page i of the file or object. */
enum content { ANONYMOUS, FROM_FILE, SHARED, COPY_OF_SHARED };

/* What a page must be. */
struct page_model {
    bool mapped;
    enum content content;
    uint32_t prot;
    uint32_t generation, owner; /* of its stamp; generation 0: as its source fills it */
};

struct actor {
    struct space space;
    bool alive;
    struct page_model page[MODELLED];
    uint32_t heap_bytes, ops;
};

struct setup {
    const char *policy[POOLS];
    uint32_t limit[POOLS], frames, high, slots, ops, seed, readahead;
    bool disk_fails, sleeps, locks;
};

static struct {
    struct ktest_run *t;
    const struct setup *with;
    struct pool pool[POOLS];
    struct actor actor[ACTORS];
    struct object *file, *shared;
    uint32_t word[WINDOW][WORDS]; /* of the shared object */
    uint32_t rng, generation, refused, next_pid, alive, forks, since_check;
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
    return r == VM_NO_SWAP || (stress.with->disk_fails && r == VM_IO_ERROR) ||
           (stress.with->locks && r == VM_NO_MEMORY);
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
    uint32_t offset = va % PAGE_SIZE;
    if (m->generation > 0)
        return stamp_of(m->owner, va, m->generation);
    switch (m->content) {
    case FROM_FILE:
        return file[(i * PAGE_SIZE + offset) / sizeof(uint32_t)];
    case SHARED:
    case COPY_OF_SHARED:
        return offset % WORD_STEP == 0 ? stress.word[i][offset / WORD_STEP] : 0;
    case ANONYMOUS:
        break;
    }
    return 0;
}

static bool of_object(const struct page_model *m)
{
    return m->content == SHARED || m->content == COPY_OF_SHARED;
}

/* What an access must end with that ends now. */
static enum vm_result allowed(const struct actor *a, uint32_t i, enum vm_prot access)
{
    const struct page_model *m = &a->page[i];
    if (!m->mapped)
        return VM_NO_REGION;
    if (!(m->prot & access))
        return VM_FORBIDDEN;
    return of_object(m) && i >= object_pages(stress.shared) ? VM_BEYOND : VM_OK;
}

/* => the access has succeeded, as it should. A page may be cut off while its read fails. */
static bool judge(const struct actor *a, uint32_t i, enum vm_prot access, enum vm_result r)
{
    enum vm_result want = allowed(a, i, access);
    bool may_fail = want == VM_OK || (want == VM_BEYOND && stress.with->sleeps);
    if (r != want && (!may_fail || !excused(r)))
        complain(a, i, vm_result_name(r));
    return r == VM_OK && want == VM_OK;
}

static void op_read(struct actor *a, uint32_t i)
{
    for (vaddr_t va = page_va(i); va < page_va(i + 1); va += sizeof(uint32_t)) {
        uint32_t v;
        if (!judge(a, i, VM_READ, machine_access(&a->space, va, VM_READ, &v)))
            return;
        if (v != expected_word(a, i, va)) {
            complain(a, i, "has other content than was written");
            return;
        }
    }
}

static void op_write_word(struct actor *a, uint32_t i)
{
    uint32_t k = below(WORDS), v = ++stress.generation;
    if (judge(a, i, VM_WRITE, machine_access(&a->space, page_va(i) + k * WORD_STEP, VM_WRITE, &v)))
        stress.word[i][k] = v;
}

static void stamped_now(struct actor *a, uint32_t i, uint32_t generation)
{
    a->page[i].generation = generation;
    a->page[i].owner = a->space.pmap.tag;
}

static void op_write(struct actor *a, uint32_t i)
{
    uint32_t generation = ++stress.generation;
    if (a->page[i].mapped && a->page[i].content == SHARED)
        op_write_word(a, i);
    else if (judge(a, i, VM_WRITE, page_stamp(&a->space, page_va(i), generation)))
        stamped_now(a, i, generation);
}

/* The kernel writes a page, and reads one that may be bad. */
static void op_copy(struct actor *a, uint32_t i)
{
    uint32_t buffer[PAGE_SIZE / sizeof(uint32_t)], generation = ++stress.generation;
    if (a->page[i].content != SHARED) {
        for (uint32_t w = 0; w < ARRAY_SIZE(buffer); w++)
            buffer[w] = stamp_of(a->space.pmap.tag, page_va(i) + w * (uint32_t)sizeof(uint32_t), generation);
        if (judge(a, i, VM_WRITE, space_copy_out(&a->space, page_va(i), buffer, PAGE_SIZE)))
            stamped_now(a, i, generation);
    }
    if (!judge(a, i, VM_READ, space_copy_in(&a->space, buffer, page_va(i), PAGE_SIZE)))
        return;
    for (uint32_t w = 0; w < ARRAY_SIZE(buffer); w++)
        if (buffer[w] != expected_word(a, i, page_va(i) + w * (uint32_t)sizeof(uint32_t)))
            complain(a, i, "is copied in with other content than was written");
}

static void op_map(struct actor *a, uint32_t i, uint32_t n)
{
    static const uint32_t prots[] = {RW, RW, RW, RW, RW, VM_READ};
    static const enum content contents[] = {ANONYMOUS, ANONYMOUS, FROM_FILE,
                                            FROM_FILE, SHARED,    COPY_OF_SHARED};
    uint32_t prot = prots[below(ARRAY_SIZE(prots))];
    enum content content = contents[below(ARRAY_SIZE(contents))];
    bool taken = false, locked = stress.with->locks && n < 3;
    for (uint32_t k = i; k < i + n; k++)
        taken |= a->page[k].mapped;
    struct region region = {
        page_va(i), page_va(i + n), prot, content == SHARED ? REGION_SHARED : 0, "anon", 0, NULL};
    region.flags |= locked ? REGION_LOCKED : 0;
    if (content != ANONYMOUS) {
        region.object = content == FROM_FILE ? stress.file : stress.shared;
        region.offset = i * PAGE_SIZE;
        object_ref(region.object);
    }
    enum vm_result r = space_map(&a->space, &region);
    if (r != VM_OK && region.object != NULL)
        object_unref(region.object);
    if (r != (taken ? VM_EXISTS : VM_OK))
        complain(a, i, "space_map");
    for (uint32_t k = i; r == VM_OK && k < i + n; k++)
        a->page[k] = (struct page_model){true, content, prot, 0, 0};
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
        a->page[HEAP_AT + k] = (struct page_model){true, ANONYMOUS, RW, 0, 0};
    for (uint32_t k = now; k < old; k++)
        a->page[HEAP_AT + k].mapped = false;
    a->heap_bytes = bytes;
}

/* The disk lies for the time of one access. Not while others sleep: they would be lied to as well. */
static void op_corrupt(struct actor *a, uint32_t i)
{
    struct pte pte = pmap_lookup(&a->space.pmap, page_va(i));
    uint32_t v, bit = below(PAGE_SIZE * 8);
    if (stress.with->sleeps || pte.state != PTE_SWAPPED || swap_cached(pte.slot) != NULL ||
        !(a->page[i].prot & VM_READ))
        return;
    disk_flip_bit(&machine.disk, pte.slot.n, bit);
    enum vm_result r = machine_access(&a->space, page_va(i), VM_READ, &v);
    if (r != VM_CORRUPT && !excused(r))
        complain(a, i, "is corrupt on the disk, and nobody notices");
    disk_flip_bit(&machine.disk, pte.slot.n, bit);
}

/* The kernel reads and writes the shared object, as files are. */
static void op_object(struct actor *a)
{
    uint32_t i = below(WINDOW), k = below(WORDS), v = ++stress.generation, got = 0;
    uint32_t offset = i * PAGE_SIZE + k * WORD_STEP;
    enum vm_result r = object_write(stress.shared, a->space.pool, offset, &v, sizeof v);
    enum vm_result want = i < object_pages(stress.shared) ? VM_OK : VM_BEYOND;
    if (r == VM_OK && want == VM_OK)
        stress.word[i][k] = v;
    else if (r != want && !excused(r))
        complain(a, i, "object_write");
    r = object_read(stress.shared, a->space.pool, offset, &got, sizeof got);
    want = i < object_pages(stress.shared) ? VM_OK : VM_BEYOND;
    if (r != want && !excused(r))
        complain(a, i, "object_read");
    if (r == VM_OK && got != stress.word[i][k])
        complain(a, i, "of the object is read with other content than was written");
}

/* Cuts the shared object, or extends it. Two may do so at once: then a cut can find its tail cut off. */
static void op_resize(struct actor *a)
{
    uint32_t length = WINDOW * PAGE_SIZE;
    if (below(3))
        length = below(WINDOW * WORDS + 1) * WORD_STEP + below(2) * (uint32_t)sizeof(uint32_t);
    length = MIN(length, WINDOW * (uint32_t)PAGE_SIZE);
    bool cut = length < stress.shared->length;
    enum vm_result r = object_resize(stress.shared, a->space.pool, length);
    if (r != VM_OK) {
        if (!excused(r) && !(stress.with->sleeps && r == VM_BEYOND))
            complain(a, 0, "object_resize");
        return;
    }
    if (!cut)
        return;
    for (uint32_t i = length / PAGE_SIZE; i < WINDOW; i++)
        for (uint32_t k = 0; k < WORDS; k++)
            if (i * PAGE_SIZE + k * WORD_STEP >= length)
                stress.word[i][k] = 0;
    for (uint32_t i = object_pages(stress.shared); i < WINDOW; i++)
        for (uint32_t n = 0; n < ACTORS; n++)
            if (stress.actor[n].page[i].content == COPY_OF_SHARED)
                stress.actor[n].page[i].generation = 0;
}

static void start(struct actor *a)
{
    memset(a, 0, sizeof *a);
    uint32_t pid = ++stress.next_pid;
    if (space_init(&a->space, &stress.pool[pid % POOLS], pid) != VM_OK)
        panic("stress: no memory for pid %u", pid);
    a->space.brk_start = a->space.brk = page_va(HEAP_AT);
    a->alive = true;
    stress.alive++;
    op_map(a, 0, WINDOW);
}

static void op_exit(struct actor *a)
{
    a->alive = false;
    stress.alive--;
    space_destroy(&a->space);
    if (stress.alive < FEWEST)
        start(a);
}

static void op_fork(struct actor *a)
{
    struct actor *child = NULL;
    for (uint32_t i = 0; i < ACTORS && child == NULL; i++)
        if (!stress.actor[i].alive)
            child = &stress.actor[i];
    if (child == NULL) {
        op_exit(a);
        return;
    }
    memset(child, 0, sizeof *child);
    stress.alive++;
    child->alive = true; /* nobody else takes the place */
    if (space_init(&child->space, a->space.pool, ++stress.next_pid) != VM_OK)
        panic("stress: no memory for a child");
    enum vm_result r = space_fork(&child->space, &a->space);
    if (r != VM_OK) {
        if (!excused(r))
            complain(a, 0, "space_fork");
        child->alive = false;
        stress.alive--;
        space_destroy(&child->space);
        return;
    }
    memcpy(child->page, a->page, sizeof child->page);
    child->heap_bytes = a->heap_bytes;
    stress.forks++;
}

static void op_evict(struct actor *a)
{
    struct pool *p = &stress.pool[below(POOLS)];
    if (p->queued == 0)
        return;
    enum vm_result r = pool_evict(p, SWAP_NORMAL);
    if (r != VM_OK && !excused(r) && !stress.with->sleeps)
        complain(a, 0, "pool_evict");
}

static void one_op(struct actor *a)
{
    uint32_t i = below(WINDOW), n = 1 + below(MIN(12u, (uint32_t)WINDOW - i));
    uint32_t any = below(4) ? below(MODELLED) : below(10); /* some pages are hot */
    uint32_t draw = below(1000);
    if (draw < 380)
        op_read(a, any);
    else if (draw < 740)
        op_write(a, any);
    else if (draw < 800)
        op_copy(a, any);
    else if (draw < 820)
        op_corrupt(a, any);
    else if (draw < 880) {
        if (below(4))
            op_unmap(a, i, n); /* as MAP_FIXED does */
        op_map(a, i, n);
    } else if (draw < 885)
        op_unmap(a, i, n);
    else if (draw < 925)
        op_protect(a, i, n);
    else if (draw < 940)
        op_brk(a);
    else if (draw < 960)
        op_object(a);
    else if (draw < 966)
        op_resize(a);
    else if (draw < 976)
        op_fork(a);
    else if (draw < 982)
        op_exit(a);
    else
        op_evict(a);
    if (stress.with->disk_fails && below(50) == 0)
        machine.disk.fail_writes = below(30);
    if (stress.with->disk_fails && below(50) == 0)
        machine.disk.fail_reads = below(3);
    if (++stress.since_check >= CHECK_EVERY) {
        stress.since_check = 0;
        test_check(stress.t);
    }
}

static void actor_run(void *arg)
{
    struct actor *a = arg;
    uint32_t share = stress.with->ops / ACTORS;
    for (uint32_t op = 0; op < share && stress.t->failures == 0; op++) {
        if (a->alive)
            one_op(a);
        if (!a->alive || below(8) == 0)
            fiber_yield();
    }
}

static void sleep_in_transfer(struct disk *d UNUSED, uint32_t block UNUSED)
{
    fiber_yield();
}

static void run_ops(struct ktest_run *t, const struct setup *with)
{
    if (with->sleeps) {
        machine.disk.sleep = sleep_in_transfer;
        for (uint32_t i = 0; i < ACTORS; i++)
            fiber_start(actor_run, &stress.actor[i]);
        fibers_run(with->seed);
        machine.disk.sleep = NULL;
        return;
    }
    for (uint32_t op = 0; op < with->ops && t->failures == 0; op++) {
        struct actor *a = &stress.actor[below(ACTORS)];
        if (a->alive)
            one_op(a);
    }
}

static void stress_run(struct ktest_run *t, const struct setup *with)
{
    machine_build_high(with->frames, with->high, TEST_RESERVE, with->slots);
    memset(&stress, 0, sizeof stress);
    stress.t = t;
    stress.with = with;
    stress.rng = with->seed;
    swap_readahead = MAX(with->readahead, 1u);
    for (size_t i = 0; i < ARRAY_SIZE(file); i++)
        file[i] = (uint32_t)i * 2654435761u;
    for (uint32_t i = 0; i < POOLS; i++)
        if (pool_init_any(&stress.pool[i], i ? "b" : "a", with->policy[i], with->limit[i], with->seed) !=
            VM_OK)
            panic("stress: pool_init");
    stress.file = object_create_file("file", file, sizeof file);
    stress.shared = object_create("shared", WINDOW * PAGE_SIZE);
    if (stress.file == NULL || stress.shared == NULL)
        panic("stress: no memory for the objects");
    for (uint32_t i = 0; i < FEWEST; i++)
        start(&stress.actor[i]);
    run_ops(t, with);
    machine.disk.fail_reads = machine.disk.fail_writes = 0;
    for (uint32_t i = 0; i < ACTORS && t->failures == 0; i++)
        for (uint32_t k = 0; stress.actor[i].alive && k < MODELLED; k++)
            op_read(&stress.actor[i], k);
    test_check(t);
    EXPECT(t, stress.refused < with->ops / 4); /* or it tested nothing */
    EXPECT(t, vmstat.pgmajfault > with->ops / 60);
    EXPECT(t, vmstat.pgreuse > with->ops / 600 && stress.forks > with->ops / 1000);
    EXPECT(t, (machine.waits > 0) == with->sleeps);
    for (uint32_t i = 0; i < ACTORS; i++)
        if (stress.actor[i].alive)
            space_destroy(&stress.actor[i].space);
    object_unref(stress.file);
    object_unref(stress.shared);
    for (uint32_t i = 0; i < POOLS; i++)
        pool_destroy(&stress.pool[i]);
}

/* Every policy, two at a time. */
static void every_policy(struct ktest_run *t, struct setup with)
{
    for (uint32_t i = 0; i < policy_count && t->failures == 0; i += POOLS) {
        with.policy[0] = policy_table[i]->name;
        with.policy[1] = policy_table[(i + 1) % policy_count]->name;
        with.seed = i + 1;
        stress_run(t, &with);
    }
}

TEST(stress_few_frames)
{
    every_policy(t, (struct setup){.limit = {6, 9}, .frames = 256, .slots = 600, .ops = 12000});
}

TEST(stress_more_frames)
{
    every_policy(
        t, (struct setup){.limit = {64, 32}, .frames = 256, .slots = 600, .ops = 12000, .readahead = 8});
}

TEST(stress_short_memory)
{
    every_policy(t, (struct setup){.limit = {64, 64}, .frames = 80, .slots = 600, .ops = 12000});
}

TEST(stress_swap_nearly_full)
{
    every_policy(t,
                 (struct setup){.limit = {24, 16}, .frames = 256, .slots = 90, .ops = 12000, .readahead = 4});
}

TEST(stress_failing_disk)
{
    every_policy(t, (struct setup){.limit = {16, 24},
                                   .frames = 256,
                                   .slots = 600,
                                   .ops = 12000,
                                   .readahead = 4,
                                   .disk_fails = true});
}

TEST(stress_locked_pages)
{
    every_policy(t,
                 (struct setup){.limit = {40, 40}, .frames = 256, .slots = 600, .ops = 12000, .locks = true});
}

TEST(stress_sleeping)
{
    every_policy(
        t, (struct setup){.limit = {16, 24}, .frames = 256, .slots = 600, .ops = 12000, .sleeps = true});
}

TEST(stress_sleeping_few_frames_and_readahead)
{
    every_policy(
        t, (struct setup){
               .limit = {6, 12}, .frames = 256, .slots = 600, .ops = 12000, .readahead = 8, .sleeps = true});
}

TEST(stress_sleeping_failing_disk)
{
    every_policy(t, (struct setup){.limit = {16, 24},
                                   .frames = 256,
                                   .slots = 600,
                                   .ops = 12000,
                                   .readahead = 4,
                                   .disk_fails = true,
                                   .sleeps = true});
}

TEST(stress_sleeping_swap_nearly_full)
{
    every_policy(t,
                 (struct setup){.limit = {24, 16}, .frames = 256, .slots = 90, .ops = 12000, .sleeps = true});
}

TEST(stress_sleeping_short_memory)
{
    every_policy(
        t, (struct setup){
               .limit = {64, 64}, .frames = 80, .slots = 600, .ops = 12000, .readahead = 4, .sleeps = true});
}

TEST(stress_high_memory)
{
    every_policy(t, (struct setup){.limit = {24, 16}, .frames = 256, .high = 64, .slots = 400, .ops = 12000});
}

TEST(stress_high_and_low_memory_short)
{
    every_policy(t, (struct setup){.limit = {64, 64}, .frames = 48, .high = 24, .slots = 400, .ops = 12000});
}
