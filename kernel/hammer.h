/* SPDX-License-Identifier: MIT
 * What the hammer command hammers: allocators, each behind the same few calls, so that threads which know
 * nothing of them can take, check and give back. */
#ifndef KERNEL_HAMMER_H
#define KERNEL_HAMMER_H

#include "lib/print.h"

enum { HAMMER_THREADS = 8 };

/* Something that a thread was given. */
struct hammer_hold {
    const struct hammer_kind *kind; /* NULL: nothing */
    uint8_t owner;                  /* the thread, from 1 on */
    uint32_t stamp;                 /* what its content is made of: no two holds have the same */
    void *at;                       /* memory, or what the allocator wants back */
    uintptr_t first, count;         /* bytes of memory; or numbers, the first and how many */
    const char *wrong;              /* set as soon as something is found to be */
};

struct hammer_kind {
    const char *name;
    bool only_if_named; /* it is expected to fail, or needs something */

    /* Before the threads begin, and when all that they took has been given back. => false after saying why
     * not, or what is wrong. NULL: nothing to do. */
    bool (*open)(uint32_t seed, struct printer *out);
    bool (*close)(struct printer *out);

    /* The threads' part, with interrupts on. => take: false if there is nothing to be had */
    bool (*take)(struct hammer_hold *h, uint32_t *rng);
    void (*verify)(struct hammer_hold *h);
    void (*give)(struct hammer_hold *h);

    /* Is the allocator's structure whole? It must be wherever a thread can be preempted. => false after
     * printing what is broken; NULL: it has no check of its own */
    bool (*check)(struct printer *out);
};

extern const struct hammer_kind hammer_buddy, hammer_kmalloc, hammer_slab; /* hammer_memory.c */
extern const struct hammer_kind hammer_swap, hammer_list, hammer_unlocked; /* hammer_numbers.c */
extern const struct hammer_kind hammer_vmem, hammer_partition;             /* hammer_arenas.c */

/* Which number belongs to which thread, kept beside the allocator's own books. Each entry is exchanged by one
 * instruction, so the map needs no lock. */
struct hammer_map {
    uint8_t *owner;
    uintptr_t count;
};
bool hammer_map_open(struct hammer_map *m, uintptr_t count) MUST_CHECK; /* => false when memory is short */
void hammer_map_close(struct hammer_map *m);

/* h's numbers belong to `from` and now belong to `to`, a thread or nobody (0); else h->wrong is set. */
void hammer_map_exchange(struct hammer_map *m, struct hammer_hold *h, uint8_t from, uint8_t to);
void hammer_map_claim(struct hammer_map *m, struct hammer_hold *h);  /* from nobody to h's owner */
void hammer_map_verify(struct hammer_map *m, struct hammer_hold *h); /* is still h's owner's */
void hammer_map_leave(struct hammer_map *m, struct hammer_hold *h);  /* to nobody */

#endif
