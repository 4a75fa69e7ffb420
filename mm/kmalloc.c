/* SPDX-License-Identifier: MIT
 * mm-level: 2.02
 * kmalloc: a cache for each class of sizes, and whole blocks of the buddy's for what is larger. Classes are
 * at most a quarter apart, so that at most a quarter of an object is lost, and from 400 to 1,344 they are
 * such that several fill a frame. */
#include "lib/panic.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/slab.h"
#include "mm/slab_core.h"

enum {
    SMALL = 2048,      /* up to here classes are looked up in steps of */
    SMALL_STEP = 8,    /* ... so many bytes; above, */
    LARGE = 16 * 1024, /* ... up to here, in steps of */
    LARGE_STEP = 512,  /* ... so many */
};

/* number, size of the class below, size */
#define SMALL_CLASSES(C) \
    C(0, 0, 8)           \
    C(1, 8, 16)          \
    C(2, 16, 24)         \
    C(3, 24, 32)         \
    C(4, 32, 40)         \
    C(5, 40, 48)         \
    C(6, 48, 56)         \
    C(7, 56, 64)         \
    C(8, 64, 80)         \
    C(9, 80, 96)         \
    C(10, 96, 112)       \
    C(11, 112, 128)      \
    C(12, 128, 160)      \
    C(13, 160, 192)      \
    C(14, 192, 224)      \
    C(15, 224, 256)      \
    C(16, 256, 320)      \
    C(17, 320, 400)      \
    C(18, 400, 496)      \
    C(19, 496, 576)      \
    C(20, 576, 672)      \
    C(21, 672, 800)      \
    C(22, 800, 1008)     \
    C(23, 1008, 1024)    \
    C(24, 1024, 1344)    \
    C(25, 1344, 1536)    \
    C(26, 1536, 1792)    \
    C(27, 1792, 2048)

/* The rest is blocks. */
#define LARGE_CLASSES(C) \
    C(28, 2048, 2560)    \
    C(29, 2560, 3072)    \
    C(30, 3072, 3584)    \
    C(31, 3584, 4096)    \
    C(32, 4096, 5120)    \
    C(33, 5120, 6144)    \
    C(34, 6144, 7168)    \
    C(35, 7168, 8192)    \
    C(36, 8192, 10240)   \
    C(37, 10240, 12288)  \
    C(38, 12288, 14336)

static struct slab_cache classes[] = {
#define CLASS(i, below, bytes) {SLAB_CACHE_FIELDS(classes[i], "kmalloc-" #bytes, bytes)},
    SMALL_CLASSES(CLASS) LARGE_CLASSES(CLASS)
#undef CLASS
};

/* Never has an object. */
static struct slab_cache nothing = SLAB_CACHE_INIT(nothing, "nothing", 0);

/* By size in steps, rounded up. */
static struct slab_cache *const small[SMALL / SMALL_STEP + 1] = {[0] = &nothing,
#define CLASS(i, below, bytes) [(below) / SMALL_STEP + 1 ...(bytes) / SMALL_STEP] = &classes[i],
                                                                 SMALL_CLASSES(CLASS)
#undef CLASS
};

/* NULL: a block */
static struct slab_cache *const large[LARGE / LARGE_STEP + 1] = {
#define CLASS(i, below, bytes) [(below) / LARGE_STEP + 1 ...(bytes) / LARGE_STEP] = &classes[i],
    LARGE_CLASSES(CLASS)
#undef CLASS
};

struct big_blocks kmalloc_big;
static struct spin big_lock = SPIN_INIT("big blocks", RANK_SLAB); /* of the two counts */

static void count_big(unsigned order, int by)
{
    spin_take(&big_lock);
    kmalloc_big.blocks += (uint32_t)by;
    kmalloc_big.frames += (uint32_t)by << order;
    spin_release(&big_lock);
}

static void *take_block(size_t bytes)
{
    unsigned order = 0;
    if (bytes > (size_t)PAGE_SIZE << BUDDY_MAX_ORDER)
        return NULL;
    while ((size_t)PAGE_SIZE << order < bytes)
        order++;
    struct frame *f = buddy_alloc(order, ALLOC_KERNEL);
    if (f == NULL && (slab_reap() == 0 || (f = buddy_alloc(order, ALLOC_KERNEL)) == NULL))
        return NULL;
    count_big(order, 1);
    return frame_ptr(f);
}

/* Slabs of several frames may not be had where a smaller block can. */
static NOINLINE void *take_new(struct slab_cache *c, size_t bytes, const void *site)
{
    if (unlikely(c == &nothing)) {
        spin_release(&c->lock);
        return NULL;
    }
    void *object = slab_take_slowly(c, bytes, site);
    return object != NULL ? object : take_block(bytes);
}

/* What has come back to the current slab meanwhile, if anything. The lock is held, and released. */
static NOINLINE void *take_slowly(struct slab_cache *c, size_t bytes, const void *site)
{
    struct slab *s = c->current;
    if (unlikely(s == NULL) || s->free == NULL)
        return take_new(c, bytes, site);
    void *object = slab_refill(c, s);
    if (unlikely(spin_drop(&c->lock)))
        return slab_preempt(object);
    return object;
}

static NOINLINE void *take_large(size_t bytes, const void *site)
{
    struct slab_cache *c = bytes <= LARGE ? large[(bytes + LARGE_STEP - 1) / LARGE_STEP] : NULL;
    return c != NULL ? slab_take(c, bytes, site, take_slowly) : take_block(bytes);
}

static ALWAYS_INLINE void *take(size_t bytes)
{
    if (unlikely(bytes > SMALL))
        return take_large(bytes, slab_site(NULL));
    return slab_take(small[(bytes + SMALL_STEP - 1) / SMALL_STEP], bytes, NULL, take_slowly);
}

void *kmalloc(size_t bytes)
{
    return take(bytes);
}

void *kzalloc(size_t bytes)
{
    void *p = take(bytes);
    if (p != NULL)
        memset(p, 0, bytes);
    return p;
}

/* => the frame that heads the block of that p is the start */
static struct frame *block_of(const void *p, const char *who)
{
    struct frame *f = frame_of_ptr(p);
    ASSERT(f->kind == FRAME_KERNEL, "%s: %p is in a frame of kind %d", who, p, f->kind);
    ASSERT((f->flags & FRAME_HEAD) && (uintptr_t)p % PAGE_SIZE == 0, "%s: %p does not start a block", who, p);
    return f;
}

/* An object whose slab is not at the start of its page, or none at all. */
static NOINLINE void give_by_frame(void *p, const void *site)
{
    if (p == NULL)
        return;
    struct slab *s = slab_lookup(p);
    if (s != NULL) {
        slab_give(s, p, NULL, site);
        return;
    }
    struct frame *f = block_of(p, "kfree");
    count_big(f->order, -1);
    buddy_free(f);
}

static ALWAYS_INLINE void give(void *p)
{
    if (unlikely((uintptr_t)p % APART_ALIGN == 0))
        give_by_frame(p, slab_site(NULL));
    else
        slab_give(slab_at_page(p), p, NULL, NULL);
}

void kfree(void *p)
{
    give(p);
}

size_t kmalloc_size(const void *p)
{
    struct slab *s = slab_around(p);
    if (s == NULL)
        return (size_t)PAGE_SIZE << block_of(p, "kmalloc_size")->order;
    return s->kind >= SLAB_GUARDED ? guard_bytes(s, p) : s->cache->size;
}

/* Moved, even if it need not be, when it is guarded: that finds who still uses the old place. It stays where
 * it would have to go, and when it would not become much smaller. */
void *krealloc(void *p, size_t bytes)
{
    if (p == NULL)
        return take(bytes);
    if (bytes == 0) {
        give(p);
        return NULL;
    }
    struct slab *s = slab_around(p);
    size_t old = kmalloc_size(p);
    bool guarded = s != NULL && s->kind >= SLAB_GUARDED;
    if (bytes <= old && (guarded ? bytes == old : bytes > old / 2))
        return p;
    void *moved = take(bytes);
    if (moved == NULL)
        return bytes <= old ? p : NULL;
    memcpy(moved, p, MIN(old, bytes));
    give(p);
    return moved;
}
