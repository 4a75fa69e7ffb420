/* SPDX-License-Identifier: MIT
 * mm-level: 4.9
 * The records, in chunks, each made when the first of its frames comes. They stay for good. */
#include "mm/used.h"
#include "mm/slab.h"

enum { CHUNK = 64 }; /* records */

static struct page_use **chunks;

enum vm_result page_uses_init(void)
{
    if (chunks == NULL)
        chunks = kzalloc((frame_table_count / CHUNK + 1) * sizeof(struct page_use *));
    return chunks != NULL ? VM_OK : VM_NO_MEMORY;
}

void page_uses_end(void)
{
    for (uint32_t i = 0; chunks != NULL && i <= frame_table_count / CHUNK; i++)
        kfree(chunks[i]);
    kfree(chunks);
    chunks = NULL;
}

struct page_use *page_use_of(const struct frame *f)
{
    uint32_t n = frame_pfn(f).n;
    struct page_use *chunk = chunks[n / CHUNK];
    return chunk != NULL ? &chunk[n % CHUNK] : NULL;
}

static void make_chunk(uint32_t number)
{
    struct page_use *chunk = kzalloc(CHUNK * sizeof *chunk);
    for (uint32_t i = 0; chunk != NULL && i < CHUNK; i++) {
        list_init(&chunk[i].link);
        chunk[i].frame = frame_of((pfn_t){number * CHUNK + i});
    }
    chunks[number] = chunk;
}

/* => NULL when there is no memory for it */
static struct page_use *make(struct frame *f)
{
    if (unlikely(page_use_of(f) == NULL))
        make_chunk(frame_pfn(f).n / CHUNK);
    return page_use_of(f);
}

void page_use_enter(struct frame *f, struct list_node *list, uint32_t now)
{
    struct page_use *u = make(f);
    if (u == NULL)
        return;
    list_remove(&u->link);
    list_push_back(list, &u->link);
    u->last = now;
    u->accessed = false;
}

void page_use_move(struct frame *from, struct frame *to)
{
    struct page_use *old = page_use_of(from), *u = make(to);
    if (old == NULL)
        return;
    if (u != NULL) {
        list_remove(&u->link);
        list_replace(&old->link, &u->link);
        u->last = old->last;
        u->accessed = old->accessed;
    }
    list_remove(&old->link);
}

void page_use_forget(struct list_node *list)
{
    while (list_pop_front(list) != NULL)
        ;
}

bool page_use_accessed(const struct frame *f)
{
    const struct page_use *u = page_use_of(f);
    return u != NULL && u->accessed;
}

bool page_use_take_accessed(struct frame *f)
{
    struct page_use *u = page_use_of(f);
    bool accessed = u != NULL && u->accessed;
    if (accessed)
        u->accessed = false;
    return accessed;
}
