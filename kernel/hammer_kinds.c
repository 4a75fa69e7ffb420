/* SPDX-License-Identifier: MIT
 * The allocators that the hammer knows, and two lists of its own: one with a lock, and one without, which
 * shows that the hammer notices. */
#include "kernel/hammer.h"
#include "lib/page.h"
#include "lib/random.h"
#include "lib/spin.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/slab.h"
#include "mm/swap.h"

/* ---- what a hold is known by ---- */

enum { MARKS = 64 };

/* Calls visit(address, value) for each byte of the pattern: MARKS of them at even distances, and the last. */
static ALWAYS_INLINE void visit_marks(struct hammer_hold *h,
                                      void (*visit)(struct hammer_hold *, uint8_t *, uint8_t))
{
    enum { GOLDEN = 0x9e3779b1 }; /* 2^32 over the golden ratio: spreads the stamp over all bits */
    uint32_t mixed = h->stamp * (uint32_t)GOLDEN, n = 0;
    uint8_t *bytes = h->at;
    for (uintptr_t i = 0; i < h->count - 1; i += MAX(1u, h->count / MARKS), n++)
        visit(h, &bytes[i], (uint8_t)((mixed >> n % 4 * 8) + n));
    visit(h, &bytes[h->count - 1], (uint8_t)~mixed);
}

static ALWAYS_INLINE void write_mark(struct hammer_hold *h UNUSED, uint8_t *at, uint8_t value)
{
    *at = value;
}

static ALWAYS_INLINE void read_mark(struct hammer_hold *h, uint8_t *at, uint8_t value)
{
    if (*at != value)
        h->wrong = "somebody else has written on it";
}

void hammer_fill(struct hammer_hold *h)
{
    visit_marks(h, write_mark);
}

void hammer_verify_fill(struct hammer_hold *h)
{
    visit_marks(h, read_mark);
}

bool hammer_map_open(struct hammer_map *m, uintptr_t count)
{
    m->owner = kzalloc(count);
    m->count = m->owner != NULL ? count : 0;
    return m->owner != NULL;
}

void hammer_map_close(struct hammer_map *m)
{
    kfree(m->owner);
    m->owner = NULL;
}

/* `from` owned all of it, and now `to` does. */
static void change_owner(struct hammer_map *m, struct hammer_hold *h, uint8_t from, uint8_t to)
{
    for (uintptr_t i = h->first; i < h->first + h->count; i++) {
        if (i >= m->count)
            h->wrong = "it lies outside";
        else if (__atomic_exchange_n(&m->owner[i], to, __ATOMIC_RELAXED) != from)
            h->wrong = "somebody else has it, too";
    }
}

void hammer_map_claim(struct hammer_map *m, struct hammer_hold *h)
{
    change_owner(m, h, 0, h->owner);
}

void hammer_map_verify(struct hammer_map *m, struct hammer_hold *h)
{
    change_owner(m, h, h->owner, h->owner);
}

void hammer_map_leave(struct hammer_map *m, struct hammer_hold *h)
{
    change_owner(m, h, h->owner, 0);
}

/* ---- buddy: blocks of up to 32 frames ---- */

enum { MAX_ORDER = 5, SPLIT_OF = 4 };

/* A thread that was preempted here must find its XMM registers again. */
static void verify_zeroing(struct hammer_hold *h)
{
    const uint32_t *words = h->at;
    page_zero(h->at);
    for (uint32_t i = 0; i < PAGE_SIZE / sizeof *words; i++)
        if (words[i] != 0)
            h->wrong = "a page that was zeroed is not zero";
}

static bool buddy_take(struct hammer_hold *h, uint32_t *rng)
{
    unsigned order = random_below(rng, MAX_ORDER + 1);
    struct frame *f = buddy_alloc(order, ALLOC_KERNEL);
    if (f == NULL)
        return false;
    h->at = frame_ptr(f);
    h->first = frame_pfn(f).n;
    h->count = (uintptr_t)PAGE_SIZE << order;
    if (f->kind != FRAME_KERNEL || f->order != order)
        h->wrong = "its frame says something else";
    if (order == 0)
        verify_zeroing(h);
    hammer_fill(h);
    return true;
}

/* Some blocks come back frame by frame. */
static void buddy_give(struct hammer_hold *h)
{
    struct frame *f = frame_of((pfn_t){h->first});
    if (h->stamp % SPLIT_OF != 0) {
        buddy_free(f);
        return;
    }
    buddy_split(f);
    for (uint32_t i = h->count / PAGE_SIZE; i-- > 0;)
        buddy_free(f + i);
}

static const struct hammer_kind buddy = {.name = "buddy",
                                         .take = buddy_take,
                                         .verify = hammer_verify_fill,
                                         .give = buddy_give,
                                         .check = buddy_check};

/* ---- kmalloc, and a slab cache of the hammer's own ---- */

enum { KMALLOC_SHIFTS = 13, OBJECT_BYTES = 88 };

static struct slab_cache cache = SLAB_CACHE_INIT(cache, "hammer", OBJECT_BYTES);

static bool hold_memory(struct hammer_hold *h, void *p, uintptr_t bytes)
{
    if (p == NULL)
        return false;
    h->at = p;
    h->first = (uintptr_t)p;
    h->count = bytes;
    hammer_fill(h);
    return true;
}

/* As many below 16 bytes as between 4 and 8 KiB. */
static bool kmalloc_take(struct hammer_hold *h, uint32_t *rng)
{
    uint32_t bytes = 1 + random_below(rng, 1u << (1 + random_below(rng, KMALLOC_SHIFTS)));
    return hold_memory(h, kmalloc(bytes), bytes);
}

static void kmalloc_give(struct hammer_hold *h)
{
    kfree(h->at);
}

static bool slab_take(struct hammer_hold *h, uint32_t *rng UNUSED)
{
    return hold_memory(h, slab_alloc(&cache), OBJECT_BYTES);
}

static void slab_give(struct hammer_hold *h)
{
    slab_free(&cache, h->at);
}

static bool slab_close(struct printer *out)
{
    if (cache.objects == 0)
        return true;
    print(out, "hammer: the cache counts %u objects, expected none\n", cache.objects);
    return false;
}

static const struct hammer_kind kmalloc_kind = {.name = "kmalloc",
                                                .take = kmalloc_take,
                                                .verify = hammer_verify_fill,
                                                .give = kmalloc_give,
                                                .check = slab_check};

static const struct hammer_kind slab = {.name = "slab",
                                        .close = slab_close,
                                        .take = slab_take,
                                        .verify = hammer_verify_fill,
                                        .give = slab_give,
                                        .check = slab_check};

/* ---- swap slots ---- */

enum { SWAP_LEFT_PART = 4 }; /* of the disk: left for others */

static struct hammer_map slots;

static bool swap_open(uint32_t seed UNUSED, struct printer *out)
{
    if (hammer_map_open(&slots, swap_total() + 1))
        return true;
    print(out, "hammer: no memory for a map of the slots\n");
    return false;
}

static bool swap_close(struct printer *out UNUSED)
{
    hammer_map_close(&slots);
    return true;
}

static bool swap_take(struct hammer_hold *h, uint32_t *rng UNUSED)
{
    if (swap_free() <= swap_total() / SWAP_LEFT_PART)
        return false;
    slot_t s = swap_alloc(SWAP_NORMAL);
    if (!slot_valid(s))
        return false;
    h->first = s.n;
    h->count = 1;
    hammer_map_claim(&slots, h);
    return true;
}

static void swap_verify_slot(struct hammer_hold *h)
{
    hammer_map_verify(&slots, h);
    if (swap_refs((slot_t){h->first}) != 1)
        h->wrong = "its count of references is not 1";
}

static void swap_give(struct hammer_hold *h)
{
    hammer_map_leave(&slots, h);
    swap_unref((slot_t){h->first});
}

static const struct hammer_kind swap = {.name = "swap",
                                        .open = swap_open,
                                        .close = swap_close,
                                        .take = swap_take,
                                        .verify = swap_verify_slot,
                                        .give = swap_give,
                                        .check = swap_check};

/* ---- a stack of numbers, with a lock and without ---- */

enum { NUMBERS = 64 };

static struct spin numbers_lock = SPIN_INIT("hammer", RANK_TEST);
static struct hammer_map numbers;
static uint8_t stack[NUMBERS];
static volatile uint32_t height; /* in memory all the time, as if it were far away */

static bool list_open(uint32_t seed UNUSED, struct printer *out)
{
    if (numbers.owner != NULL) {
        print(out, "hammer: list and unlocked are the same list: expected one of them\n");
        return false;
    }
    for (height = 0; height < NUMBERS; height++)
        stack[height] = (uint8_t)height;
    if (hammer_map_open(&numbers, NUMBERS))
        return true;
    print(out, "hammer: no memory for a map of the numbers\n");
    return false;
}

static bool list_close(struct printer *out)
{
    hammer_map_close(&numbers);
    if (height == NUMBERS)
        return true;
    print(out, "hammer: the list has %u numbers, expected %u\n", height, NUMBERS);
    return false;
}

static bool unlocked_take(struct hammer_hold *h, uint32_t *rng UNUSED)
{
    if (height == 0)
        return false;
    height--;
    h->first = stack[height % NUMBERS];
    h->count = 1;
    hammer_map_claim(&numbers, h);
    return true;
}

static void unlocked_give(struct hammer_hold *h)
{
    hammer_map_leave(&numbers, h);
    stack[height % NUMBERS] = (uint8_t)h->first;
    height++;
}

static bool list_take(struct hammer_hold *h, uint32_t *rng)
{
    spin_take(&numbers_lock);
    bool taken = unlocked_take(h, rng);
    spin_release(&numbers_lock);
    return taken;
}

static void list_give(struct hammer_hold *h)
{
    spin_take(&numbers_lock);
    unlocked_give(h);
    spin_release(&numbers_lock);
}

static void list_verify(struct hammer_hold *h)
{
    hammer_map_verify(&numbers, h);
}

static const struct hammer_kind list = {.name = "list",
                                        .open = list_open,
                                        .close = list_close,
                                        .take = list_take,
                                        .verify = list_verify,
                                        .give = list_give};

static const struct hammer_kind unlocked = {.name = "unlocked",
                                            .only_if_named = true,
                                            .open = list_open,
                                            .close = list_close,
                                            .take = unlocked_take,
                                            .verify = list_verify,
                                            .give = unlocked_give};

const struct hammer_kind *const hammer_kinds[] = {&buddy, &kmalloc_kind, &slab, &swap, &list, &unlocked};
const uint32_t hammer_kind_count = ARRAY_SIZE(hammer_kinds);
