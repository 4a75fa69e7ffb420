/* SPDX-License-Identifier: MIT
 * What the hammer does to allocators of memory: it writes a pattern, and looks whether it is still there. */
#include "kernel/hammer.h"
#include "lib/page.h"
#include "lib/random.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/slab.h"

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

static void fill(struct hammer_hold *h)
{
    visit_marks(h, write_mark);
}

static void verify_fill(struct hammer_hold *h)
{
    visit_marks(h, read_mark);
}

/* ---- buddy: blocks of up to 32 frames ---- */

enum { MAX_ORDER = 5, SPLIT_OF = 4 };

extern char __text_start[], __text_end[];

/* A thread that was preempted while it copied must find its XMM registers again: it copies one of the pages
 * of the kernel's text, which differ. */
static void verify_copying(struct hammer_hold *h)
{
    uint32_t pages = (uint32_t)(__text_end - __text_start) / PAGE_SIZE;
    const char *from = __text_start + h->stamp % pages * PAGE_SIZE;
    page_copy(h->at, from);
    if (memcmp(h->at, from, PAGE_SIZE) != 0)
        h->wrong = "a copy of a page differs";
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
        verify_copying(h);
    fill(h);
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

const struct hammer_kind hammer_buddy = {
    .name = "buddy", .take = buddy_take, .verify = verify_fill, .give = buddy_give, .check = buddy_check};

/* ---- kmalloc, and a slab cache of the hammer's own ---- */

enum { KMALLOC_SHIFTS = 15, RESIZE_OF = 4, REAP_OF = 64, BODY_BYTES = 80 };

/* Its first word is constructed, and nobody may change it. */
struct object {
    struct object *self;
    uint8_t body[BODY_BYTES];
};

static void construct(void *object)
{
    ((struct object *)object)->self = object;
}

static struct slab_cache cache =
    SLAB_CACHE_CTOR_INIT(cache, "hammer", sizeof(struct object), construct, NULL);

static bool hold_memory(struct hammer_hold *h, void *p, uintptr_t bytes)
{
    if (p == NULL)
        return false;
    h->at = p;
    h->first = (uintptr_t)p;
    h->count = bytes;
    fill(h);
    return true;
}

/* As many below 16 bytes as between 16 and 32 KiB. Some have had another size at first. */
static bool kmalloc_take(struct hammer_hold *h, uint32_t *rng)
{
    uint32_t bytes = 1 + random_below(rng, 1u << (1 + random_below(rng, KMALLOC_SHIFTS)));
    if (random_below(rng, RESIZE_OF) != 0)
        return hold_memory(h, kmalloc(bytes), bytes);
    void *other = kmalloc(1 + random_below(rng, 2 * bytes)), *p = krealloc(other, bytes);
    if (p == NULL)
        kfree(other);
    return hold_memory(h, p, bytes);
}

static void kmalloc_give(struct hammer_hold *h)
{
    kfree(h->at);
}

static bool slab_take(struct hammer_hold *h, uint32_t *rng)
{
    if (random_below(rng, REAP_OF) == 0)
        slab_reap_all();
    struct object *o = slab_alloc(&cache);
    if (o == NULL)
        return false;
    if (o->self != o)
        h->wrong = "it is not constructed";
    return hold_memory(h, o->body, sizeof o->body);
}

static void slab_give(struct hammer_hold *h)
{
    slab_free(&cache, container_of(h->at, struct object, body));
}

static bool slab_close(struct printer *out)
{
    uint32_t left = slab_objects(&cache);
    if (left > 0)
        print(out, "hammer: the cache has %u objects, expected none\n", left);
    return left == 0;
}

const struct hammer_kind hammer_kmalloc = {.name = "kmalloc",
                                           .take = kmalloc_take,
                                           .verify = verify_fill,
                                           .give = kmalloc_give,
                                           .check = slab_check};

const struct hammer_kind hammer_slab = {.name = "slab",
                                        .close = slab_close,
                                        .take = slab_take,
                                        .verify = verify_fill,
                                        .give = slab_give,
                                        .check = slab_check};
