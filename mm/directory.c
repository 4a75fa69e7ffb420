/* SPDX-License-Identifier: MIT
 * mm-level: 4.05
 * The directory of pages: a hash table with chains, multiplicative hashing (Knuth, TAOCP 3, section 6.4). */
#include "mm/directory.h"
#include "lib/string.h"
#include "mm/slab.h"

static struct slab_cache chunk_cache =
    SLAB_CACHE_INIT(chunk_cache, "page-entries", DIRECTORY_CHUNK * sizeof(struct page_entry));

static inline struct page_entry **bucket(const struct directory *d, struct page_id id)
{
    uint32_t h = (id.page + id.owner * 0x85ebca6bu) * 0x9e3779b1u; /* 2^32 / golden ratio */
    return &d->buckets[h >> d->shift];
}

static uint32_t chunks_of(uint32_t capacity)
{
    return (capacity + DIRECTORY_CHUNK - 1) / DIRECTORY_CHUNK;
}

static bool add_chunks(struct directory *d)
{
    for (uint32_t c = 0; c < chunks_of(d->capacity); c++) {
        d->chunks[c] = slab_alloc(&chunk_cache);
        if (d->chunks[c] == NULL)
            return false;
    }
    for (uint32_t n = d->capacity; n-- > 0;) { /* so that the first one is taken first */
        struct page_entry *e = directory_at(d, n);
        *e = (struct page_entry){.number = n, .chain = d->free};
        d->free = e;
    }
    return true;
}

bool directory_init(struct directory *d, uint32_t capacity)
{
    uint32_t bits = 4;
    while (bits < 20 && 1u << bits < capacity)
        bits++;
    *d = (struct directory){.shift = 32 - bits, .capacity = capacity};
    d->buckets = kzalloc(sizeof d->buckets[0] << bits);
    d->chunks = kzalloc(MAX(chunks_of(capacity), 1u) * sizeof d->chunks[0]);
    if (d->buckets != NULL && d->chunks != NULL && add_chunks(d))
        return true;
    directory_destroy(d);
    return false;
}

void directory_destroy(struct directory *d)
{
    for (uint32_t c = 0; d->chunks != NULL && c < chunks_of(d->capacity) && d->chunks[c] != NULL; c++)
        slab_free(&chunk_cache, d->chunks[c]);
    kfree(d->chunks);
    kfree(d->buckets);
    *d = (struct directory){.capacity = 0};
}

struct page_entry *directory_find(const struct directory *d, struct page_id id)
{
    struct page_entry *e = *bucket(d, id);
    while (e != NULL && !page_id_equal(e->id, id))
        e = e->chain;
    return e;
}

struct page_entry *directory_add(struct directory *d, struct page_id id)
{
    struct page_entry *e = d->free, **head = bucket(d, id);
    if (e == NULL)
        return NULL;
    d->free = e->chain;
    d->count++;
    *e = (struct page_entry){.id = id, .number = e->number, .chain = *head};
    list_init(&e->link);
    list_init(&e->link2);
    return *head = e;
}

void directory_remove(struct directory *d, struct page_entry *e)
{
    struct page_entry **at = bucket(d, e->id);
    while (*at != e)
        at = &(*at)->chain;
    *at = e->chain;
    e->chain = d->free;
    d->free = e;
    d->count--;
}

bool directory_check(const struct directory *d, const char *name, struct printer *out)
{
    uint32_t found = 0, buckets = 1u << (32 - d->shift);
    for (uint32_t b = 0; b < buckets; b++) {
        for (const struct page_entry *e = d->buckets[b]; e != NULL; e = e->chain, found++) {
            if (found >= d->count || e->number >= d->capacity || directory_at(d, e->number) != e ||
                bucket(d, e->id) != &d->buckets[b]) {
                print(out, "policy %s: the directory is broken at page %#x of %#x\n", name, e->id.page,
                      e->id.owner);
                return false;
            }
        }
    }
    if (found != d->count)
        print(out, "policy %s: %u pages in the directory, %u found\n", name, d->count, found);
    return found == d->count;
}
