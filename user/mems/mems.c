/* SPDX-License-Identifier: MIT
 * The chains: allocating splits a hole, freeing merges holes. */
#include "user/mems/mems.h"
#include "user/mems/chain.h"
#include "user/mems/port.h"
#include "user/rt/sys.h"

struct mems mems = {.error = "nothing has failed"};

const char *mems_error(void)
{
    return mems.error;
}

static bool fail_with(const char *why)
{
    mems.error = why;
    return false;
}

static bool ready(void)
{
    return mems.ready || fail_with("mems_init was not called");
}

bool mems_init(void)
{
    if (mems.ready)
        return fail_with("mems_init was called already");
    mems.ready = true;
    mems.end = MEMS_START;
    return true;
}

/* A segment behind `after`, or the first of its span if that is NULL. */
static void add_segment(struct span *span, struct segment *after, uintptr_t start, uintptr_t size,
                        bool process)
{
    struct segment *s = record_alloc(), *next = after != NULL ? after->next : NULL;
    *s = (struct segment){
        .prev = after, .next = next, .span = span, .start = start, .size = size, .process = process};
    if (after != NULL)
        after->next = s;
    else
        span->first = s;
    if (next != NULL)
        next->prev = s;
    index_insert(&mems.all, s);
}

/* The front of a hole becomes a PROCESS of so many bytes; what is left stays a hole. */
static void occupy(struct segment *hole, uintptr_t bytes)
{
    uintptr_t rest = hole->size - bytes;
    hole->process = true;
    hole->size = bytes;
    index_changed(mems.all, hole);
    if (rest > 0)
        add_segment(hole->span, hole, hole->start + bytes, rest, false);
}

/* A span of so many bytes, whole pages, at the end of the main chain. => its one hole; NULL: no memory */
static struct segment *add_span(uintptr_t size)
{
    uint8_t *memory = port_map(size);
    if (memory == NULL)
        return NULL;
    struct span *span = record_alloc();
    *span = (struct span){.memory = memory, .start = mems.end, .size = size};
    if (mems.first != NULL)
        mems.last->next = span;
    else
        mems.first = span;
    mems.last = span;
    mems.end += size;
    add_segment(span, NULL, span->start, size, false);
    return span->first;
}

void *mems_malloc(size_t bytes)
{
    enum { RECORDS = 3 }; /* a span, its PROCESS, the hole behind that */
    if (!ready())
        return NULL;
    if (bytes == 0 || bytes > UINTPTR_MAX - PAGE_SIZE) {
        fail_with(bytes == 0 ? "0 bytes: expected at least 1" : "too many bytes");
        return NULL;
    }
    if (!records_reserve(RECORDS)) {
        fail_with("no memory for MeMS itself");
        return NULL;
    }
    struct segment *hole = index_first_hole(mems.all, bytes);
    if (hole == NULL) {
        uintptr_t size = ALIGN_UP((uintptr_t)bytes, (uintptr_t)PAGE_SIZE);
        if (size <= UINTPTR_MAX - mems.end)
            hole = add_span(size);
        if (hole == NULL) {
            fail_with("no memory for so many bytes");
            return NULL;
        }
    }
    occupy(hole, bytes);
    return (void *)hole->start;
}

/* Two neighbours, both holes, become one. */
static void merge(struct segment *s, struct segment *next)
{
    index_remove(&mems.all, next);
    s->size += next->size;
    s->next = next->next;
    if (s->next != NULL)
        s->next->prev = s;
    record_free(next);
}

bool mems_free(const void *v)
{
    if (!ready())
        return false;
    struct segment *s = index_find(mems.all, (uintptr_t)v);
    if (s == NULL)
        return fail_with("no span has this address");
    if (!s->process)
        return fail_with("nothing is allocated there");
    if (s->start != (uintptr_t)v)
        return fail_with("an allocation starts before this address, and goes on behind it");
    s->process = false;
    if (s->next != NULL && !s->next->process)
        merge(s, s->next);
    if (s->prev != NULL && !s->prev->process) {
        s = s->prev;
        merge(s, s->next);
    }
    index_changed(mems.all, s);
    return true;
}

void *mems_get(const void *v)
{
    if (!ready())
        return NULL;
    const struct segment *s = index_find(mems.all, (uintptr_t)v);
    if (s == NULL || !s->process) {
        fail_with("nothing is allocated there");
        return NULL;
    }
    return s->span->memory + ((uintptr_t)v - s->span->start);
}

bool mems_finish(void)
{
    if (!ready())
        return false;
    for (struct span *s = mems.first; s != NULL; s = s->next)
        port_unmap(s->memory, s->size);
    records_finish();
    mems = (struct mems){.error = mems.error};
    return true;
}
