/* SPDX-License-Identifier: MIT
 * mm-level: 4.1
 * Least frequently used: the page with the fewest references since it came in goes, and of several the one
 * that has had as many for longest. Mattson, Gecsei, Slutz and Traiger, IBM Systems Journal 9(2), 1970.
 *
 * If it is told of references (exact mode), it counts them, the one that brought the page in included. If
 * not, a reference is an accessed bit found set at a sampling (mm/sampling.h), as loaded (convention a1).
 *
 * Pages with the same count form a group, and the groups are in order of their counts, so that a page which
 * is used moves on in constant time: Shah, Mitra and Matani, An O(1) algorithm for implementing the LFU cache
 * eviction scheme, 2010. There are never more groups than pages. If all groups are in use nevertheless (the
 * pool holds more pages than it said, or GROUPS_MOST different counts), a page that needs another one stays
 * in its own group, or joins the lowest, and its count is that group's from then on. */
#include "mm/sampling.h"
#include "mm/slab.h"

/* As many different counts need more than 2^29 references. */
enum { GROUPS_MOST = 32768 };

struct group {
    struct list_node link;  /* in `groups` or `unused` */
    struct list_node pages; /* who has had this count for longest first; frame->policy_word is the group */
    uint32_t count;
};

struct lfu {
    struct list_node groups; /* lowest count first, none of them empty */
    struct list_node unused;
    struct sampling sampling;
    bool exact; /* references are known */
    struct group group[];
};

static struct group *group_of(struct list_node *n)
{
    return container_of(n, struct group, link);
}

static void *lfu_create(const struct policy_setup *setup)
{
    uint32_t groups = MAX(MIN(setup->capacity, (uint32_t)GROUPS_MOST), 1u);
    struct lfu *l = kmalloc(sizeof *l + groups * sizeof l->group[0]);
    if (l == NULL)
        return NULL;
    list_init(&l->groups);
    list_init(&l->unused);
    l->sampling = sampling_start(setup->capacity);
    l->exact = false;
    for (uint32_t i = 0; i < groups; i++) {
        list_init(&l->group[i].pages);
        list_push_back(&l->unused, &l->group[i].link);
    }
    return l;
}

static void join(struct lfu *l, struct group *g, struct frame *f)
{
    f->policy_word = (uint32_t)(g - l->group);
    list_push_back(&g->pages, &f->link);
}

/* g may have lost its last page. */
static void end_if_empty(struct lfu *l, struct group *g)
{
    if (list_empty(&g->pages)) {
        list_remove(&g->link);
        list_push_front(&l->unused, &g->link);
    }
}

/* => the group with this count, whose place is behind `at`: a new one if need be, or `otherwise` if there is
 * none left. */
static struct group *group_behind(struct lfu *l, struct list_node *at, uint32_t count,
                                  struct group *otherwise)
{
    if (at->next != &l->groups && group_of(at->next)->count == count)
        return group_of(at->next);
    struct list_node *n = list_pop_front(&l->unused);
    if (n == NULL)
        return otherwise;
    group_of(n)->count = count;
    list_push_front(at, n);
    return group_of(n);
}

static void lfu_inserted(void *state, struct frame *f)
{
    struct lfu *l = state;
    join(l, group_behind(l, &l->groups, 1, group_of(l->groups.next)), f);
    sampling_inserted(&l->sampling);
}

/* One more reference to f. */
static void count_one(struct lfu *l, struct frame *f)
{
    struct group *g = &l->group[f->policy_word], *to = g;
    bool alone = g->pages.next == g->pages.prev;
    if (g->count < UINT32_MAX) {
        struct list_node *behind = g->link.next;
        if (alone && (behind == &l->groups || group_of(behind)->count > g->count + 1)) {
            g->count++; /* the group comes along */
            return;
        }
        to = group_behind(l, &g->link, g->count + 1, g);
    }
    list_remove(&f->link);
    join(l, to, f);
    end_if_empty(l, g);
}

static void lfu_touched(void *state, struct frame *f)
{
    struct lfu *l = state;
    l->exact = true;
    count_one(l, f);
}

/* From the highest count down: who is counted here moves up, out of the way. */
static void sample(struct lfu *l)
{
    for (struct list_node *n = l->groups.prev, *prev; n != &l->groups; n = prev) {
        prev = n->prev;
        list_for_each_safe (at, &group_of(n)->pages)
            if (policy_test_clear_accessed(policy_frame(at)))
                count_one(l, policy_frame(at));
    }
}

static struct frame *lfu_pick_victim(void *state)
{
    struct lfu *l = state;
    if (!l->exact && sampling_due(&l->sampling))
        sample(l);
    return list_empty(&l->groups) ? NULL : policy_frame(group_of(l->groups.next)->pages.next);
}

static void lfu_removed(void *state, struct frame *f, bool evicted UNUSED)
{
    struct lfu *l = state;
    list_remove(&f->link);
    end_if_empty(l, &l->group[f->policy_word]);
}

/* Sampling may change the order. */
static struct frame *lfu_next(void *state)
{
    const struct lfu *l = state;
    return !l->exact && sampling_ahead(&l->sampling) ? NULL : lfu_pick_victim(state);
}

static struct frame *lfu_explain(void *state, struct frame *victim, struct printer *why)
{
    struct lfu *l = state;
    struct group *g = &l->group[victim->policy_word];
    print(why, "count=%u %s", g->count, l->exact ? "references" : "samplings");
    struct frame *next = policy_next(&g->pages, victim);
    if (next == NULL && g->link.next != &l->groups)
        next = policy_frame(group_of(g->link.next)->pages.next);
    return next;
}

static uint32_t lfu_check(void *state, struct printer *out)
{
    struct lfu *l = state;
    uint32_t held = 0, last = 0;
    list_for_each (n, &l->groups) {
        const struct group *g = group_of(n);
        uint32_t pages = policy_check_queue(&g->pages, "lfu", out);
        if (pages == UINT32_MAX)
            return pages;
        if (pages == 0 || g->count <= last) {
            print(out, "policy lfu: a group with count %u behind %u holds %u pages\n", g->count, last, pages);
            return UINT32_MAX;
        }
        list_for_each (at, &g->pages) {
            if (&l->group[policy_frame(at)->policy_word] != g) {
                print(out, "policy lfu: frame %#x with count %u thinks it is in another group\n",
                      frame_pfn(policy_frame(at)).n, g->count);
                return UINT32_MAX;
            }
        }
        held += pages;
        last = g->count;
    }
    return held;
}

static void lfu_dump(void *state, struct printer *out)
{
    struct lfu *l = state;
    list_for_each (n, &l->groups)
        policy_dump_queue(&group_of(n)->pages, out);
}

const struct policy policy_lfu = {
    .name = "lfu",
    .summary = "least frequently used since it came in, counts never age (Mattson 1970)",
    .create = lfu_create,
    .destroy = kfree,
    .inserted = lfu_inserted,
    .touched = lfu_touched,
    .pick_victim = lfu_pick_victim,
    .removed = lfu_removed,
    .moved = policy_moved,
    .explain = lfu_explain,
    .next = lfu_next,
    .check = lfu_check,
    .dump = lfu_dump,
};
