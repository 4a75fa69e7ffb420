/* SPDX-License-Identifier: MIT
 * Linear probing, multiplicative hashing (Knuth, TAOCP 3, 6.4). */
#include "tools/trace/pages.h"
#include "tools/trace/trace.h"
#include <stdlib.h>

enum { FIRST_BITS = 12 };

static struct page *place(const struct pages *t, uint64_t key)
{
    const uint64_t golden = 0x9e3779b97f4a7c15u; /* 2^64 / golden ratio */
    uint32_t mask = (1u << t->bits) - 1, at = (uint32_t)(key * golden >> (64 - t->bits));
    while (t->table[at].key != 0 && t->table[at].key != key)
        at = (at + 1) & mask;
    return &t->table[at];
}

static void grow(struct pages *t)
{
    struct pages old = *t;
    t->bits = old.bits != 0 ? old.bits + 1 : FIRST_BITS;
    t->table = host_array(NULL, 0, (size_t)1 << t->bits, sizeof t->table[0]);
    for (size_t i = 0; old.bits != 0 && i < (size_t)1 << old.bits; i++)
        if (old.table[i].key != 0)
            *place(t, old.table[i].key) = old.table[i];
    free(old.table);
}

struct page *page_of_key(struct pages *t, uint64_t key)
{
    if (t->bits == 0 || t->used >> (t->bits - 1) != 0) /* half full */
        grow(t);
    struct page *p = place(t, key + 1);
    if (p->key == 0) {
        p->key = key + 1;
        t->used++;
    }
    return p;
}
