/* SPDX-License-Identifier: MIT
 * What a pair of allocating and freeing costs while many blocks live: on the host what `bench alloc` is in
 * the guest. Every block is replaced, in random order, before anything is measured. What is measured is
 * flat_pairs() and nothing else, by callgrind (tools/flat.py). */
#include "lib/random.h"
#include "mm/buddy.h"
#include "mm/vmem.h"
#include "tools/alloc/alloc.h"
#include "tools/alloc/bare.h"
#include <stdlib.h>
#include <string.h>

enum {
    SPARE = 100,              /* buddy: one frame for so many blocks is free */
    MOST_UNITS = 16,          /* vmem: sizes are 1 to this many; */
    ARENA_UNITS = MOST_UNITS, /* ... for each block the arena has so many, half of which is in use */
    TAG_FRAMES = 1 << 17,     /* vmem: memory for the segments of a million blocks */
};

struct block {
    struct frame *f;
    uintptr_t start, size;
};

static struct vmem *arena; /* NULL: blocks are frames */
static unsigned order;     /* ... 2^order of them */

static inline void make(struct block *b)
{
    if (arena == NULL)
        b->f = buddy_alloc(order, ALLOC_KERNEL);
    if (arena == NULL ? b->f == NULL : vmem_alloc(arena, b->size, &b->start) != VM_OK)
        die(ALLOC_FAILED, "flat: no room for a block");
}

static inline void end(const struct block *b)
{
    if (arena == NULL)
        buddy_free(b->f);
    else
        vmem_free(arena, b->start, b->size);
}

/* Each of the blocks is replaced by a new one, whose size is there already. Callgrind knows this name. */
void flat_pairs(struct block **blocks, struct block *fresh, uint32_t pairs) NOINLINE;
void flat_pairs(struct block **blocks, struct block *fresh, uint32_t pairs)
{
    for (uint32_t i = 0; i < pairs; i++) {
        make(&fresh[i]);
        end(blocks[i]);
        *blocks[i] = fresh[i];
    }
}

static void open_arena(const char *what, uint32_t live)
{
    const struct fit *fit = strncmp(what, "vmem-", 5) == 0 ? fit_find(what + 5) : NULL;
    order = strcmp(what, "buddy-block") == 0;
    bare_build_frames(fit != NULL ? (uint32_t)TAG_FRAMES : (live + live / SPARE + 1) << order);
    if (order > 0 || strcmp(what, "buddy") == 0)
        return;
    if (fit == NULL)
        die(ALLOC_USAGE, "--flat \"%s\": expected buddy, buddy-block, or vmem- and a strategy", what);
    arena = vmem_create(&(struct vmem_config){.name = "flat", .fit = fit});
    if (arena == NULL || vmem_add(arena, 0, (uintptr_t)live * ARENA_UNITS) != VM_OK)
        die(ALLOC_FAILED, "flat: no arena");
}

void flat_run(const char *what, uint32_t live, uint32_t pairs, uint32_t seed)
{
    open_arena(what, live);
    struct block *blocks = host_array(NULL, live, sizeof *blocks),
                 *fresh = host_array(NULL, pairs, sizeof *fresh);
    struct block **victims = host_array(NULL, pairs, sizeof *victims);
    uint32_t rng = seed;
    for (uint32_t i = 0; i < live; i++) {
        blocks[i].size = 1 + random_below(&rng, MOST_UNITS);
        make(&blocks[i]);
    }
    for (uint32_t i = 0; i < 2 * live; i++) {
        struct block *b = &blocks[random_below(&rng, live)];
        end(b);
        b->size = 1 + random_below(&rng, MOST_UNITS);
        make(b);
    }
    for (uint32_t i = 0; i < pairs; i++) {
        fresh[i].size = 1 + random_below(&rng, MOST_UNITS);
        victims[i] = &blocks[random_below(&rng, live)];
    }
    flat_pairs(victims, fresh, pairs);
    free(blocks);
    free(fresh);
    free(victims);
}
