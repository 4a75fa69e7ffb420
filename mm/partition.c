/* SPDX-License-Identifier: MIT
 * mm-level: 2.3
 * The book of a contiguous arena. A partition that moves down owns its old place and its new one until its
 * last unit has moved: then what it has left is given back. So the arena never hands out what is half moved,
 * and a partition may be freed at any point of its move. Of a hole that is larger than the partition the rest
 * stays free meanwhile: else a small partition on its slow way down would take the largest hole out of use.
 */
#include "mm/partition.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "mm/slab.h"

static struct slab_cache cache = SLAB_CACHE_INIT(cache, "partition", sizeof(struct partition));

/* A move splits a hole off and gives back more than it takes; these keep it from failing in its middle. */
enum { MOVE_TAGS = 4 };

enum vm_result partition_open(struct partition_book *b, uint32_t units, uint32_t unit_bytes,
                              const struct fit *fit)
{
    memset(b, 0, sizeof *b);
    if (units == 0 || unit_bytes == 0)
        return VM_INVALID;
    const struct vmem_config config = {.name = "contig", .fit = fit, .tags = MOVE_TAGS};
    b->lock = (struct spin)SPIN_INIT("partition", RANK_PARTITION);
    b->units = units;
    b->unit_bytes = unit_bytes;
    b->by_start = kzalloc(units * sizeof *b->by_start);
    b->arena = vmem_create(&config);
    if (b->by_start != NULL && b->arena != NULL && vmem_add(b->arena, 0, units) == VM_OK)
        return VM_OK;
    if (b->arena != NULL)
        vmem_destroy(b->arena);
    kfree(b->by_start);
    memset(b, 0, sizeof *b);
    return VM_NO_MEMORY;
}

void partition_close(struct partition_book *b)
{
    for (struct partition *p = partition_next(b, NULL), *next; p != NULL; p = next) {
        next = partition_next(b, p);
        partition_free(b, p);
    }
    vmem_destroy(b->arena);
    kfree(b->by_start);
    memset(b, 0, sizeof *b);
}

struct partition *partition_next(const struct partition_book *b, const struct partition *p)
{
    uint32_t at = p != NULL ? p->at + p->units : 0;
    while (at < b->units && b->by_start[at] == NULL)
        at++;
    return at < b->units ? b->by_start[at] : NULL;
}

static struct partition *find(const struct partition_book *b, const char *name)
{
    struct partition *p = partition_next(b, NULL);
    while (p != NULL && strcmp(p->name, name) != 0)
        p = partition_next(b, p);
    return p;
}

struct partition *partition_find(struct partition_book *b, const char *name)
{
    spin_take(&b->lock);
    struct partition *p = find(b, name);
    spin_release(&b->lock);
    return p;
}

static enum vm_result place(struct partition_book *b, const char *name, uint32_t bytes, uint32_t units,
                            struct partition **out, bool *compactable)
{
    uintptr_t at;
    if (name[0] != '\0' && find(b, name) != NULL)
        return VM_EXISTS;
    b->allocs++;
    struct partition *p = slab_alloc(&cache);
    if (p == NULL || vmem_alloc(b->arena, units, &at) != VM_OK) {
        if (p != NULL)
            slab_free(&cache, p);
        b->failures++;
        *compactable = units <= vmem_figures(b->arena).free;
        b->fragmented += *compactable;
        return VM_NO_MEMORY;
    }
    *p = (struct partition){.at = (uint32_t)at, .units = units, .bytes = bytes};
    for (uint32_t i = 0; i + 1 < PARTITION_NAME && name[i] != '\0'; i++)
        p->name[i] = name[i];
    b->by_start[at] = p;
    b->count++;
    b->bytes += bytes;
    *out = p;
    return VM_OK;
}

uint32_t partition_size(const struct partition_book *b, uint32_t bytes, bool buddy)
{
    uint32_t units = bytes / b->unit_bytes + (bytes % b->unit_bytes != 0);
    if (buddy && units > 0 && units <= b->units)
        units = (uint32_t)fit_round(units);
    return units <= b->units ? units : 0;
}

enum vm_result partition_alloc(struct partition_book *b, const char *name, uint32_t bytes, bool buddy,
                               struct partition **out, bool *compactable)
{
    *compactable = false;
    uint32_t units = partition_size(b, bytes, buddy);
    if (units == 0)
        return VM_INVALID;
    spin_take(&b->lock);
    enum vm_result r = place(b, name, bytes, units, out, compactable);
    spin_release(&b->lock);
    return r;
}

/* What the partition that moves owns besides its old place, from b->target on. */
static uint32_t extra_units(const struct partition_book *b)
{
    return b->moving == NULL ? 0 : MIN(b->moving->at - b->target, b->moving->units);
}

/* The move of b->moving ends here: its old place and its new one are whatever they are. */
static void give_back_both(struct partition_book *b)
{
    struct partition *p = b->moving;
    vmem_free(b->arena, b->target, extra_units(b));
    vmem_free(b->arena, p->at, p->units);
    b->by_start[p->at] = NULL;
    b->moving = NULL;
}

void partition_free(struct partition_book *b, struct partition *p)
{
    spin_take(&b->lock);
    if (b->moving == p) {
        give_back_both(b);
    } else {
        vmem_free(b->arena, p->at, p->units);
        b->by_start[p->at] = NULL;
    }
    b->count--;
    b->bytes -= p->bytes;
    b->frees++;
    spin_release(&b->lock);
    slab_free(&cache, p);
}

/* Chooses the partition that moves next: the one above the lowest hole. */
static bool begin_move(struct partition_book *b)
{
    uint32_t hole = 0, below = 0;
    for (; hole < b->units && b->by_start[hole] != NULL; below++)
        hole += b->by_start[hole]->units;
    if (below == b->count) /* nothing lies above the hole */
        return false;
    uint32_t at = hole;
    while (b->by_start[at] == NULL)
        at++;
    /* a tag for the hole is needed: without memory for it nothing moves */
    if (vmem_alloc_at(b->arena, hole, MIN(at - hole, b->by_start[at]->units)) != VM_OK)
        return false;
    b->moving = b->by_start[at];
    b->target = hole;
    b->moved = 0;
    return true;
}

bool partition_next_move(struct partition_book *b, struct partition_move *m)
{
    spin_take(&b->lock);
    bool any = b->moving != NULL || begin_move(b);
    if (any)
        *m = (struct partition_move){b->moving, b->moved, b->moving->at + b->moved, b->target + b->moved};
    spin_release(&b->lock);
    return any;
}

void partition_moved(struct partition_book *b)
{
    spin_take(&b->lock);
    struct partition *p = b->moving;
    b->moves++;
    if (++b->moved == p->units) {
        give_back_both(b);
        enum vm_result r = vmem_alloc_at(b->arena, b->target, p->units);
        ASSERT(r == VM_OK, "partition %s: its place %u is taken", p->name, b->target);
        p->at = b->target;
        b->by_start[p->at] = p;
    }
    spin_release(&b->lock);
}

uint32_t partition_unit(const struct partition_book *b, const struct partition *p, uint32_t index)
{
    return b->moving == p && index < b->moved ? b->target + index : p->at + index;
}

static uint32_t thousandths(uint64_t part, uint64_t whole)
{
    while (whole > UINT32_MAX / 1000) { /* no 64-bit division: this many digits do */
        part >>= 1;
        whole >>= 1;
    }
    return whole == 0 ? 0 : (uint32_t)part * 1000 / (uint32_t)whole;
}

struct partition_figures partition_figures(const struct partition_book *b)
{
    struct vmem_figures v = vmem_figures(b->arena);
    struct partition_figures f = {
        .total = b->units,
        .free = (uint32_t)v.free,
        .largest = (uint32_t)v.largest,
        .holes = v.holes,
    };
    f.used = f.total - f.free;
    uint32_t own = f.used - extra_units(b);
    f.external = thousandths(f.free - f.largest, f.free);
    f.internal = thousandths((uint64_t)own * b->unit_bytes - b->bytes, (uint64_t)own * b->unit_bytes);
    f.success = b->allocs == 0 ? 1000 : thousandths(b->allocs - b->failures, b->allocs);
    return f;
}

bool partition_check(const struct partition_book *b, struct printer *out)
{
    uint32_t count = 0, used = 0;
    uint64_t bytes = 0;
    for (uint32_t at = 0; at < b->units; at++) {
        const struct partition *p = b->by_start[at];
        if (p == NULL)
            continue;
        if (p->at != at || p->units == 0 || p->at + p->units > b->units ||
            vmem_size(b->arena, at) != p->units || p->bytes > (uint64_t)p->units * b->unit_bytes) {
            print(out,
                  "partition %s: says it has %u units from %u on, is listed at %u, and the arena says %u\n",
                  p->name, p->units, p->at, at, (uint32_t)vmem_size(b->arena, at));
            return false;
        }
        count++;
        used += p->units;
        bytes += p->bytes;
    }
    used += extra_units(b);
    struct vmem_figures v = vmem_figures(b->arena);
    if (count != b->count || bytes != b->bytes || used + v.free != b->units) {
        print(out, "partitions: %u counted, %u listed; %u units used + %u free of %u\n", b->count, count,
              used, (uint32_t)v.free, b->units);
        return false;
    }
    return vmem_check(b->arena, out);
}
