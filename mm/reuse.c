/* SPDX-License-Identifier: MIT
 * mm-level: 2.05
 * The distance of a reference is the number of pages whose last reference is later than this page's last one.
 * The last references are marks on a line of time, and a tree of partial sums counts those behind a point in
 * O(log): B. T. Bennett and V. J. Kruskal, LRU stack processing, IBM J. Res. Dev. 19 (1975); F. Olken,
 * Efficient methods for calculating the success function of fixed space replacement policies, LBL-12370
 * (1981), where the tree shrinks as marks are taken away. The tree here is P. M. Fenwick's (Softw. Pract.
 * Exper. 24, 1994).
 *
 * There is one mark for each page, however long the string is. So the line needs no more than twice as many
 * times as there are pages: at its end the marks move to its beginning, in order, which changes no distance.
 * That is O(1) for each reference in the long run, and memory depends on the pages alone. */
#include "mm/reuse.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/slab.h"

enum { FIRST_CAPACITY_SHIFT = 6, TIMES = 2 /* for each page that there is room for */ };

#define HASH_MULTIPLIER 2654435769u /* 2^32 by the golden ratio: Knuth, vol. 3, 6.4 */

static uint32_t times(const struct reuse *r)
{
    return TIMES * r->capacity;
}

/* ---- the tree: counts of marks, by time ---- */

static void mark(struct reuse *r, uint32_t time, uint32_t change)
{
    for (uint32_t i = time + 1; i <= times(r); i += i & -i)
        r->tree[i - 1] += change;
}

/* Marks from the beginning up to this time, it included. */
static uint32_t marks_until(const struct reuse *r, uint32_t time)
{
    uint32_t n = 0;
    for (uint32_t i = time + 1; i > 0; i -= i & -i)
        n += r->tree[i - 1];
    return n;
}

/* All marks move to the beginning, in order. */
static void begin_anew(struct reuse *r)
{
    uint32_t n = 0;
    for (uint32_t t = 0; t < r->now; t++) {
        uint32_t page = r->at[t];
        if (r->last[page] != t)
            continue;
        r->at[n] = page;
        r->last[page] = n++;
    }
    r->now = n;
    for (uint32_t i = 1; i <= times(r); i++) { /* entry i sums those behind `before`, up to i */
        uint32_t before = i - (i & -i);
        r->tree[i - 1] = MIN(i, n) - MIN(before, n);
    }
}

/* ---- pages ---- */

/* Where the page is, or would be, in the hash table. */
static uint32_t *find(const struct reuse *r, uint32_t page)
{
    uint32_t mask = UINT32_MAX >> r->shift, i = page * HASH_MULTIPLIER >> r->shift;
    while (r->hash[i] != 0 && r->pages[r->hash[i] - 1] != page)
        i = (i + 1) & mask;
    return &r->hash[i];
}

static uint32_t *words(uint32_t count)
{
    size_t bytes = count * sizeof(uint32_t);
    /* the kernel's reserve is not for this */
    return buddy_low_free() >= 2 * buddy_reserve() + bytes / PAGE_SIZE ? kzalloc(bytes) : NULL;
}

/* Room for twice as many pages. */
static bool grow(struct reuse *r)
{
    uint32_t shift = r->capacity > 0 ? r->shift - 1 : 32 - FIRST_CAPACITY_SHIFT - 1;
    uint32_t capacity = 1u << (32 - shift - 1); /* the hash table is half full at most */
    struct reuse new = {.capacity = capacity,
                        .shift = shift,
                        .count = r->count,
                        .now = r->now,
                        .pages = words(capacity),
                        .last = words(capacity),
                        .at = words(TIMES * capacity),
                        .tree = words(TIMES * capacity),
                        .hash = words(2 * capacity)};
    if (!new.pages || !new.last || !new.at || !new.tree || !new.hash) {
        reuse_end(&new);
        return false;
    }
    if (r->capacity > 0) {
        memcpy(new.pages, r->pages, r->count * sizeof(uint32_t));
        memcpy(new.last, r->last, r->count * sizeof(uint32_t));
        memcpy(new.at, r->at, r->now * sizeof(uint32_t));
    }
    for (uint32_t n = 0; n < new.count; n++)
        *find(&new, new.pages[n]) = n + 1;
    begin_anew(&new);
    reuse_end(r);
    *r = new;
    return true;
}

bool reuse_refer(struct reuse *r, uint32_t page, uint32_t *distance)
{
    uint32_t *entry = r->capacity > 0 ? find(r, page) : NULL;
    if (entry == NULL || (*entry == 0 && r->count == r->capacity)) {
        if (!grow(r))
            return false;
        entry = find(r, page);
    }
    if (r->now == times(r))
        begin_anew(r);
    *distance = REUSE_COLD;
    if (*entry == 0) {
        r->pages[r->count] = page;
        *entry = ++r->count;
    } else {
        uint32_t last = r->last[*entry - 1];
        *distance = r->count - marks_until(r, last);
        mark(r, last, (uint32_t)-1);
    }
    r->last[*entry - 1] = r->now;
    r->at[r->now] = *entry - 1;
    mark(r, r->now++, 1);
    return true;
}

void reuse_end(struct reuse *r)
{
    kfree(r->pages);
    kfree(r->last);
    kfree(r->at);
    kfree(r->tree);
    kfree(r->hash);
    *r = (struct reuse){0};
}
