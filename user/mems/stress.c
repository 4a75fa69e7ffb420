/* SPDX-License-Identifier: MIT
 * A shadow of what is allocated, each block full of a pattern of its own, and wrong calls in between, which
 * must change nothing. Never touches MeMS from inside. */
#include "user/mems/stress.h"
#include "user/mems/mems.h"
#include "user/rt/program.h"
#include "user/rt/random.h"
#include "user/rt/sys.h"

enum { MAX_LIVE = 1000, CHECK_EVERY = 1000 };

struct block {
    uint8_t *v; /* its MeMS address */
    size_t size;
    uint32_t pattern;
};

static struct block live[MAX_LIVE];
static size_t count;
static struct random rnd;
static unsigned operation; /* for messages */
static unsigned allocated, freed, refused;
static uint32_t sum; /* of the addresses given */

/* Small ones mostly, some of several pages. */
static size_t random_size(void)
{
    static const uint32_t most[] = {16, 100, 100, 300, 300, 300, 1000, 1000};
    enum { ONE_IN = 64, LARGE = 5 * PAGE_SIZE };
    bool large = random_below(&rnd, ONE_IN) == 0;
    return 1 + random_below(&rnd, large ? LARGE : most[random_below(&rnd, ARRAY_SIZE(most))]);
}

static void fill(const struct block *b)
{
    uint8_t *at = mems_get(b->v);
    for (size_t i = 0; i < b->size; i++)
        at[i] = (uint8_t)(b->pattern + i * 7);
}

static void verify(const struct block *b)
{
    const uint8_t *at = mems_get(b->v);
    if (at == NULL || mems_get(b->v + b->size - 1) != at + b->size - 1)
        fail("operation=%u address=%zu size=%zu is not in one piece", operation, (size_t)b->v, b->size);
    for (size_t i = 0; i < b->size; i++)
        if (at[i] != (uint8_t)(b->pattern + i * 7))
            fail("operation=%u address=%zu size=%zu byte=%zu expected=%u found=%u", operation, (size_t)b->v,
                 b->size, i, (uint8_t)(b->pattern + i * 7), at[i]);
}

static void allocate(void)
{
    struct block b = {.size = random_size(), .pattern = random_next(&rnd)};
    b.v = mems_malloc(b.size);
    if (b.v == NULL)
        fail("operation=%u malloc bytes=%zu: %s", operation, b.size, mems_error());
    fill(&b);
    sum = mix32(sum + (uint32_t)(uintptr_t)b.v);
    live[count++] = b;
    allocated++;
}

static void release(size_t i)
{
    struct block b = live[i];
    verify(&b);
    if (!mems_free(b.v))
        fail("operation=%u free address=%zu: %s", operation, (size_t)b.v, mems_error());
    if (mems_free(b.v) || mems_get(b.v) != NULL)
        fail("operation=%u address=%zu is allocated after it was freed", operation, (size_t)b.v);
    live[i] = live[--count];
    freed++;
}

/* Which cannot be done. */
static void misuse(void)
{
    const struct block *b = count > 0 ? &live[random_below(&rnd, (uint32_t)count)] : NULL;
    uint8_t *inside = b != NULL && b->size > 1 ? b->v + 1 + random_below(&rnd, (uint32_t)b->size - 1) : NULL;
    void *behind = (void *)(MEMS_START + mems_figures().pages * PAGE_SIZE);
    if (mems_malloc(0) != NULL || mems_malloc(SIZE_MAX) != NULL ||
        mems_malloc(SIZE_MAX - PAGE_SIZE) != NULL || mems_free(NULL) || mems_free((void *)(MEMS_START - 1)) ||
        mems_free(inside) || mems_free(behind) || mems_get(NULL) != NULL ||
        mems_get((void *)(MEMS_START - 1)) != NULL || mems_get(behind) != NULL || mems_init())
        fail("operation=%u a wrong call succeeded", operation);
    refused++;
}

static void look_at_everything(void)
{
    const char *wrong = mems_check();
    if (wrong != NULL)
        fail("operation=%u %s", operation, wrong);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        verify(&live[i]);
        used += live[i].size;
    }
    struct mems_figures f = mems_figures();
    if (f.pages * PAGE_SIZE != used + f.unused)
        fail("operation=%u pages=%zu unused=%zu used=%zu", operation, f.pages, f.unused, used);
}

int stress(unsigned n, unsigned seed)
{
    enum { CHOICES = 64, MISUSE = 1, PHASE = 5000 };
    rnd.state = mix32(seed) | 1;
    mems_init();
    for (operation = 1; operation <= n; operation++) {
        /* now it grows, now it shrinks */
        uint32_t choice = random_below(&rnd, CHOICES), share = operation / PHASE % 2 == 0 ? 36 : 28;
        if (choice < MISUSE)
            misuse();
        else if (count < MAX_LIVE && (count == 0 || choice < share))
            allocate();
        else
            release(random_below(&rnd, (uint32_t)count));
        if (operation % CHECK_EVERY == 0)
            look_at_everything();
    }
    while (count > 0)
        release(random_below(&rnd, (uint32_t)count));
    look_at_everything();
    struct mems_figures f = mems_figures();
    if (f.segments != f.spans || f.unused != f.pages * PAGE_SIZE)
        fail("all is free, but segments=%zu spans=%zu unused=%zu", f.segments, f.spans, f.unused);
    if (!mems_finish() || mems_figures().mapped != 0 || mems_finish() || mems_malloc(1) != NULL)
        fail("it is not finished");
    return ok("operations=%u seed=%u allocated=%u freed=%u refused=%u spans=%zu pages=%zu addresses=%#x", n,
              seed, allocated, freed, refused, f.spans, f.pages, (unsigned)sum);
}
