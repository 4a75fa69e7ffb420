/* SPDX-License-Identifier: MIT
 * What the hammer does to arenas: ranges of vmem, and partitions, which move while others allocate. */
#include "arch/x86/io.h"
#include "kernel/hammer.h"
#include "lib/random.h"
#include "mm/partition.h"
#include "mm/vmem.h"

/* ---- vmem: an arena that imports from another ---- */

enum {
    QUANTUM = 16,
    VMEM_BASE = 0x10000,
    VMEM_UNITS = 4096,
    IMPORT_UNITS = 128,
    MOST_UNITS = 12,
    ALIGN_SHIFTS = 4
};

static struct hammer_map units;
static struct vmem *source, *arena;

static bool vmem_none_left(const struct vmem *a, struct printer *out)
{
    struct vmem_figures f = vmem_figures(a);
    if (f.allocated == 0 && f.free == f.total && vmem_check(a, out))
        return true;
    print(out, "hammer: an arena has %u allocated segments, expected none; %lu of %lu are free\n",
          f.allocated, (unsigned long)f.free, (unsigned long)f.total);
    return false;
}

static bool vmem_close(struct printer *out)
{
    bool good = arena == NULL || vmem_none_left(arena, out);
    if (arena != NULL && good)
        vmem_destroy(arena);
    good = good && (source == NULL || vmem_none_left(source, out));
    if (source != NULL && good)
        vmem_destroy(source);
    hammer_map_close(&units);
    arena = source = NULL;
    return good;
}

static bool vmem_open(uint32_t seed, struct printer *out)
{
    const struct fit *fit = fit_table[seed % fit_count];
    source = vmem_create(&(struct vmem_config){.name = "hammer-source", .quantum = QUANTUM});
    if (source != NULL && vmem_add(source, VMEM_BASE, VMEM_UNITS * QUANTUM) == VM_OK)
        arena = vmem_create(&(struct vmem_config){.name = "hammer",
                                                  .quantum = QUANTUM,
                                                  .fit = fit,
                                                  .source = source,
                                                  .import = IMPORT_UNITS * QUANTUM});
    if (arena != NULL && hammer_map_open(&units, VMEM_UNITS))
        return true;
    print(out, "hammer: no memory for an arena\n");
    (void)vmem_close(out);
    return false;
}

static bool vmem_take(struct hammer_hold *h, uint32_t *rng)
{
    uintptr_t start, count = 1 + random_below(rng, MOST_UNITS);
    struct fit_want want = {.size = count * QUANTUM, .align = 1, .max = UINTPTR_MAX};
    enum vm_result r;
    if (random_below(rng, 2) == 0) {
        r = vmem_alloc(arena, want.size, &start);
    } else {
        want.align = (uintptr_t)QUANTUM << random_below(rng, ALIGN_SHIFTS);
        r = vmem_alloc_want(arena, &want, &start);
    }
    if (r != VM_OK)
        return false;
    h->first = (start - VMEM_BASE) / QUANTUM;
    h->count = count;
    if (start % MAX(want.align, (uintptr_t)QUANTUM) != 0)
        h->wrong = "it is not aligned";
    hammer_map_claim(&units, h);
    return true;
}

static void vmem_verify(struct hammer_hold *h)
{
    hammer_map_verify(&units, h);
    if (vmem_size(arena, VMEM_BASE + h->first * QUANTUM) != h->count * QUANTUM)
        h->wrong = "the arena says that it has another size";
}

/* Some ranges come back in two pieces. */
static void vmem_give(struct hammer_hold *h)
{
    uintptr_t start = VMEM_BASE + h->first * QUANTUM, size = h->count * QUANTUM;
    hammer_map_leave(&units, h);
    if (h->count > 1 && h->stamp % 2 == 0 && vmem_split(arena, start, start + QUANTUM) == VM_OK) {
        vmem_free(arena, start, QUANTUM);
        start += QUANTUM, size -= QUANTUM;
    }
    vmem_free(arena, start, size);
}

const struct hammer_kind hammer_vmem = {.name = "vmem",
                                        .open = vmem_open,
                                        .close = vmem_close,
                                        .take = vmem_take,
                                        .verify = vmem_verify,
                                        .give = vmem_give,
                                        .check = vmem_check_all};

/* ---- partitions, which move while others allocate ---- */

enum { PARTITION_UNITS = 512, UNIT_BYTES = 4096, MOST_BYTES = 10 * UNIT_BYTES, MOVE_OF = 4, MOVES = 8 };

static struct hammer_map places;
static struct partition_book book;

static bool partition_open_book(uint32_t seed, struct printer *out)
{
    const struct fit *fit = fit_table[seed % fit_count];
    if (hammer_map_open(&places, PARTITION_UNITS)) {
        if (partition_open(&book, PARTITION_UNITS, UNIT_BYTES, fit) == VM_OK)
            return true;
        hammer_map_close(&places);
    }
    print(out, "hammer: no memory for partitions\n");
    return false;
}

static bool partition_close_book(struct printer *out)
{
    struct partition_figures f = partition_figures(&book);
    bool good = book.count == 0 && f.used == 0 && f.largest == PARTITION_UNITS;
    if (!good)
        print(out, "hammer: %u partitions of %u units are left, expected none\n", book.count, f.used);
    partition_close(&book);
    hammer_map_close(&places);
    return good;
}

/* Unit by unit, because some may have moved; and with interrupts off, so that none does meanwhile. */
static void partition_exchange(struct hammer_hold *h, uint8_t from, uint8_t to)
{
    const struct partition *p = h->at;
    uint32_t flags = irq_save();
    for (uint32_t i = 0; i < p->units; i++) {
        h->first = partition_unit(&book, p, i);
        h->count = 1;
        hammer_map_exchange(&places, h, from, to);
    }
    irq_restore(flags);
}

/* One unit: the next of whichever partition is to move, unless its owner is just about to free it or has only
 * just got it. Whoever moves does it in one piece: the book tells him what to move, and then is told. */
static void move_one(struct hammer_hold *h)
{
    struct partition_move m;
    uint32_t flags = irq_save();
    if (partition_next_move(&book, &m) && places.owner[m.from] != 0) {
        if (places.owner[m.to] != 0)
            h->wrong = "a partition is to move where another one is";
        places.owner[m.to] = places.owner[m.from];
        places.owner[m.from] = 0;
        partition_moved(&book);
    }
    irq_restore(flags);
}

static bool partition_take(struct hammer_hold *h, uint32_t *rng)
{
    char name[PARTITION_NAME] = "";
    struct partition *p;
    uint32_t bytes = 1 + random_below(rng, MOST_BYTES);
    bool compactable, named = random_below(rng, 2) == 0, rounded = random_below(rng, 2) == 0;
    if (named)
        format(name, sizeof name, "%u", h->stamp);
    for (uint32_t i = random_below(rng, MOVE_OF) == 0 ? MOVES : 0; i > 0; i--)
        move_one(h);
    if (partition_alloc(&book, name, bytes, rounded, &p, &compactable) != VM_OK)
        return false;
    h->at = p;
    if (named && partition_find(&book, name) != p)
        h->wrong = "the book does not find it";
    partition_exchange(h, 0, h->owner);
    return true;
}

static void partition_verify(struct hammer_hold *h)
{
    partition_exchange(h, h->owner, h->owner);
}

static void partition_give(struct hammer_hold *h)
{
    partition_exchange(h, h->owner, 0);
    partition_free(&book, h->at);
}

static bool partition_check_book(struct printer *out)
{
    return partition_check(&book, out);
}

const struct hammer_kind hammer_partition = {.name = "partition",
                                             .open = partition_open_book,
                                             .close = partition_close_book,
                                             .take = partition_take,
                                             .verify = partition_verify,
                                             .give = partition_give,
                                             .check = partition_check_book};
