/* SPDX-License-Identifier: MIT
 * `bench alloc`: what allocating a block and freeing another costs while many live, to show that the cost
 * does not depend on how many. Blocks are frames of the buddy allocator, or ranges of an arena under instant
 * fit and best fit. All of them are replaced in random order before anything is measured. */
#include "arch/x86/io.h"
#include "kernel/bench.h"
#include "lib/random.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/slab.h"
#include "mm/vmem.h"

enum {
    PAIRS = 1001,
    MOST_UNITS = 16,          /* of an arena's blocks, which have 1 to so many, */
    ARENA_UNITS = MOST_UNITS, /* ... and for each block the arena has so many: half of it is free */
    MAX_LIVE = 1000000,
    KEPT_FRAMES = 64, /* frames that are left to others */
    SEED = 1,
};

static const struct kind {
    const char *name, *what;
    unsigned order;        /* of frames' blocks */
    const struct fit *fit; /* of an arena's; NULL: frames */
} kinds[] = {{"buddy-pair", "allocate a frame, free another", 0, NULL},
             {"buddy-block-pair", "the same with blocks of two frames, which no cache holds", 1, NULL},
             {"vmem-instant-pair", "allocate a range, free another; instant fit", 0, &fit_instant},
             {"vmem-best-pair", "the same under best fit", 0, &fit_best}};

static struct vmem *arena; /* NULL: blocks are frames */
static unsigned block_order;

/* at: where a block is, a frame's number or a range's start. => false when there is no room */
static bool make(uint32_t size, uint32_t *at)
{
    if (arena != NULL) {
        uintptr_t start = 0;
        bool ok = vmem_alloc(arena, size, &start) == VM_OK;
        *at = (uint32_t)start;
        return ok;
    }
    struct frame *f = buddy_alloc(block_order, ALLOC_USER);
    *at = f != NULL ? frame_pfn(f).n : 0;
    return f != NULL;
}

static uint32_t size_of(uint32_t at)
{
    return arena != NULL ? (uint32_t)vmem_size(arena, at) : 1;
}

static void end(uint32_t at, uint32_t size)
{
    if (arena != NULL)
        vmem_free(arena, at, size);
    else
        buddy_free(frame_of((pfn_t){at}));
}

/* Another block takes the place of *at. => the ticks that it took, 0 when there is no room for it */
static uint32_t replace(uint32_t *at, uint32_t size)
{
    uint32_t fresh, old = size_of(*at), ticks;
    uint64_t start = rdtsc();
    if (!make(size, &fresh))
        return 0;
    end(*at, old);
    ticks = (uint32_t)(rdtsc() - start);
    *at = fresh;
    return ticks;
}

static uint32_t any_size(uint32_t *rng)
{
    return 1 + random_below(rng, MOST_UNITS);
}

/* => how many there are; fewer than wanted if memory is short */
static uint32_t fill(uint32_t *blocks, uint32_t live, uint32_t *rng)
{
    uint32_t count = 0;
    while (count < live && buddy_free_frames() > buddy_reserve() + KEPT_FRAMES &&
           make(any_size(rng), &blocks[count]))
        count++;
    return count;
}

/* With fewer blocks, if memory is short. => false when there is room for none */
static bool measure(uint32_t *blocks, uint32_t live, const struct kind *k, struct printer *out)
{
    static uint32_t samples[PAIRS];
    uint32_t rng = SEED, count = fill(blocks, live, &rng);
    uint64_t sum = 0;
    if (count == 0)
        return false;
    for (uint32_t i = 0; i < 2 * count; i++)
        replace(&blocks[random_below(&rng, count)], any_size(&rng));
    for (uint32_t i = 0; i < PAIRS; i++) {
        samples[i] = replace(&blocks[random_below(&rng, count)], any_size(&rng));
        sum += samples[i];
    }
    bench_sort(samples, PAIRS);
    print(out, "bench name=%s live=%u mean=%u median=%u p99=%u n=%u unit=ticks what=\"%s\"\n", k->name, count,
          (uint32_t)sum / PAIRS, samples[PAIRS / 2], samples[PAIRS * 99 / 100], PAIRS, k->what);
    while (count-- > 0)
        end(blocks[count], size_of(blocks[count]));
    return true;
}

static bool bench_kind(const struct kind *k, uint32_t live, struct printer *out)
{
    uint32_t *blocks = kmalloc(live * sizeof *blocks);
    bool ok = blocks != NULL;
    block_order = k->order;
    if (ok && k->fit != NULL) {
        arena = vmem_create(&(struct vmem_config){.name = "bench", .fit = k->fit});
        ok = arena != NULL && vmem_add(arena, 0, live * ARENA_UNITS) == VM_OK;
    }
    ok = ok && measure(blocks, live, k, out);
    if (!ok)
        print(out, "bench: no memory for %s with %u live blocks\n", k->name, live);
    if (arena != NULL)
        vmem_destroy(arena);
    arena = NULL;
    kfree(blocks);
    return ok;
}

int bench_alloc(int argc, char **argv, struct printer *out)
{
    static const uint32_t usual[] = {1000, 10000, 100000, 1000000};
    uint32_t count = argc > 1 ? (uint32_t)argc - 1 : ARRAY_SIZE(usual);
    int failed = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t live = argc > 1 ? 0 : usual[i];
        if (argc > 1 && (!parse_u32(argv[i + 1], false, &live) || live == 0 || live > MAX_LIVE)) {
            print(out, "bench alloc: \"%s\" live blocks: expected 1 to %d\n", argv[i + 1], MAX_LIVE);
            return 1;
        }
        for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
            failed |= !bench_kind(&kinds[k], live, out);
    }
    return failed;
}
