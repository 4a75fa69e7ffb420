/* SPDX-License-Identifier: MIT
 * mm-level: 4.1
 * Two lists, inactive and active, as Linux's classic reclaim has them. New pages are inactive; a second use
 * makes them active. Victims are the oldest inactive pages. When there are more active pages than inactive
 * ones, the oldest active one becomes inactive, used or not.
 *
 * A page that comes back soon after its eviction becomes active at once. "Soon" is the refault distance: how
 * many pages were evicted or made active meanwhile, which is how many more places the inactive list would
 * have needed to keep the page. If the active list has so many, they belong to it. Johannes Weiner's idea,
 * explained in Linux's mm/workingset.c (2014); written from that explanation. Left out: the split into
 * anonymous and file pages, and the exceptions for code.
 *
 * In sampled mode the oldest inactive page goes round once when its accessed bit is set for the first time,
 * as its load has done that, and becomes active the second time (convention a1). In exact mode a touch makes
 * it active. O(1) but for the pages passed over. */
#include "mm/directory.h"
#include "mm/slab.h"
#include "mm/usage.h"

enum { INACTIVE, ACTIVE, LISTS };                 /* policy_flag: which list, */
enum { LIST_MASK = ACTIVE, REFERENCED = 1 << 1 }; /* and: found accessed once */

struct twolist {
    struct list_node list[LISTS]; /* frames, the oldest first */
    uint32_t count[LISTS];
    uint32_t age;                 /* evictions and activations so far */
    struct list_node ghost_queue; /* entries, the oldest first; word is `age` at the eviction */
    struct directory ghosts;
    struct usage usage;
};

static void *twolist_create(const struct policy_setup *setup)
{
    struct twolist *l = kzalloc(sizeof *l);
    if (l == NULL)
        return NULL;
    list_init(&l->list[INACTIVE]);
    list_init(&l->list[ACTIVE]);
    list_init(&l->ghost_queue);
    if (!directory_init(&l->ghosts, setup->capacity)) { /* older ones could not become active */
        kfree(l);
        return NULL;
    }
    return l;
}

static void twolist_destroy(void *state)
{
    struct twolist *l = state;
    directory_destroy(&l->ghosts);
    kfree(l);
}

static inline int list_of(const struct frame *f)
{
    return f->policy_flag & LIST_MASK;
}

static void put(struct twolist *l, struct frame *f, int list)
{
    f->policy_flag = (uint8_t)list;
    list_push_back(&l->list[list], &f->link);
    l->count[list]++;
}

static void take(struct twolist *l, struct frame *f)
{
    list_remove(&f->link);
    l->count[list_of(f)]--;
}

static void activate(struct twolist *l, struct frame *f)
{
    take(l, f);
    put(l, f, ACTIVE);
    l->age++;
}

static void ghost_end(struct twolist *l, struct page_entry *ghost)
{
    list_remove(&ghost->link);
    directory_remove(&l->ghosts, ghost);
}

static void twolist_inserted(void *state, struct frame *f)
{
    struct twolist *l = state;
    struct page_entry *ghost = directory_find(&l->ghosts, policy_page(f));
    f->policy_word = 0;
    put(l, f, INACTIVE);
    if (ghost != NULL) {
        uint32_t distance = l->age - ghost->word;
        ghost_end(l, ghost);
        if (distance <= l->count[ACTIVE])
            activate(l, f);
    }
}

static void twolist_touched(void *state, struct frame *f)
{
    struct twolist *l = state;
    l->usage.exact = true;
    if (list_of(f) == INACTIVE)
        activate(l, f);
}

static void balance(struct twolist *l)
{
    while (l->count[INACTIVE] < l->count[ACTIVE]) {
        struct frame *f = policy_frame(l->list[ACTIVE].next);
        if (!l->usage.exact)
            policy_test_clear_accessed(f);
        take(l, f);
        put(l, f, INACTIVE);
    }
}

static struct frame *twolist_pick_victim(void *state)
{
    struct twolist *l = state;
    for (;;) { /* ends: each page that is passed over has lost its bit */
        balance(l);
        if (l->count[INACTIVE] == 0)
            return NULL;
        struct frame *f = policy_frame(l->list[INACTIVE].next);
        if (l->usage.exact || !policy_test_clear_accessed(f))
            return f;
        if (f->policy_flag & REFERENCED) {
            activate(l, f);
        } else {
            take(l, f);
            put(l, f, INACTIVE);
            f->policy_flag |= REFERENCED;
        }
    }
}

static void twolist_removed(void *state, struct frame *f, bool evicted)
{
    struct twolist *l = state;
    take(l, f);
    if (!evicted)
        return;
    struct page_entry *ghost = directory_add(&l->ghosts, policy_page(f));
    if (ghost == NULL) {
        ghost_end(l, page_entry_of(l->ghost_queue.next));
        ghost = directory_add(&l->ghosts, policy_page(f));
    }
    if (ghost != NULL) {
        ghost->word = l->age;
        list_push_back(&l->ghost_queue, &ghost->link);
    }
    l->age++;
}

/* The runner-up cannot be told if it was accessed, or if an active page would have to become inactive. */
static struct frame *twolist_explain(void *state, struct frame *victim, struct printer *why)
{
    struct twolist *l = state;
    print(why, "oldest inactive, inactive=%u active=%u", l->count[INACTIVE], l->count[ACTIVE]);
    struct frame *f = policy_next(&l->list[INACTIVE], victim);
    if (list_of(victim) != INACTIVE || f == NULL || l->count[INACTIVE] - 1 < l->count[ACTIVE])
        return NULL;
    return !l->usage.exact && policy_accessed(f) ? NULL : f;
}

static uint32_t twolist_check(void *state, struct printer *out)
{
    struct twolist *l = state;
    bool marked = true;
    for (int list = 0; list < LISTS; list++) {
        uint32_t frames = policy_check_queue(&l->list[list], "twolist", out);
        if (frames == UINT32_MAX)
            return UINT32_MAX;
        list_for_each (n, &l->list[list])
            marked &= list_of(policy_frame(n)) == list;
        marked &= frames == l->count[list];
    }
    if (!directory_check(&l->ghosts, "twolist", out))
        return UINT32_MAX;
    if (!marked) {
        print(out, "policy twolist: inactive=%u active=%u, and a page or a count is wrong\n",
              l->count[INACTIVE], l->count[ACTIVE]);
        return UINT32_MAX;
    }
    return l->count[INACTIVE] + l->count[ACTIVE];
}

static void twolist_dump(void *state, struct printer *out)
{
    struct twolist *l = state;
    policy_dump_queue(&l->list[INACTIVE], out);
    policy_dump_queue(&l->list[ACTIVE], out);
}

const struct policy policy_twolist = {
    .name = "twolist",
    .summary = "active and inactive list, refault distance (Linux, mm/workingset.c)",
    .create = twolist_create,
    .destroy = twolist_destroy,
    .inserted = twolist_inserted,
    .touched = twolist_touched,
    .pick_victim = twolist_pick_victim,
    .removed = twolist_removed,
    .moved = policy_moved,
    .explain = twolist_explain,
    .check = twolist_check,
    .dump = twolist_dump,
};
