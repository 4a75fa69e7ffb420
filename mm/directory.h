/* SPDX-License-Identifier: MIT
 * mm-level: 4.05
 * A directory of pages, for policies that remember pages which are not in memory (ghosts), or need more room
 * for a page than its frame has. An entry is found by the page's name, in constant time, and has two links,
 * so that it can be on two lists at once. All memory is taken at the start. */
#ifndef MM_DIRECTORY_H
#define MM_DIRECTORY_H

#include "mm/policy.h"

struct page_entry {
    struct list_node link, link2; /* the policy's */
    struct page_id id;
    struct frame *frame; /* the policy's: NULL while the page is not in memory */
    uint32_t word;       /* the policy's, and so are these: */
    uint16_t half;
    uint8_t flag, flag2;
    uint32_t number;          /* the directory's: fits frame->policy_word; see directory_at */
    struct page_entry *chain; /* the directory's: next in the bucket, or next free */
};

struct directory {
    struct page_entry **chunks; /* the entries, DIRECTORY_CHUNK at a time */
    struct page_entry **buckets;
    struct page_entry *free;
    uint32_t shift; /* there are 2^(32 - shift) buckets */
    uint32_t capacity, count;
};

enum { DIRECTORY_CHUNK = 16 };

/* Room for `capacity` entries. => false when memory is short, and nothing is left behind. */
bool directory_init(struct directory *d, uint32_t capacity) MUST_CHECK;
void directory_destroy(struct directory *d);

/* => NULL if the page has no entry; the newest one if there are several. */
struct page_entry *directory_find(const struct directory *d, struct page_id id);

/* => a new entry, links self-linked, all else zero but the id; NULL when the directory is full. The page
 * may have others: see page_id. */
struct page_entry *directory_add(struct directory *d, struct page_id id) MUST_CHECK;

/* Forgets the page. => the entry is on no list. */
void directory_remove(struct directory *d, struct page_entry *e);

/* The entry of this number. => number < capacity */
static inline struct page_entry *directory_at(const struct directory *d, uint32_t number)
{
    return &d->chunks[number / DIRECTORY_CHUNK][number % DIRECTORY_CHUNK];
}

/* Verifies that every entry is found where it belongs. => false after printing what is broken, with the
 * policy's name. */
bool directory_check(const struct directory *d, const char *name, struct printer *out) MUST_CHECK;

static inline struct page_entry *page_entry_of(struct list_node *n)
{
    return container_of(n, struct page_entry, link);
}

static inline struct page_entry *page_entry_of2(struct list_node *n)
{
    return container_of(n, struct page_entry, link2);
}

#endif
