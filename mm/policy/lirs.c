/* SPDX-License-Identifier: MIT
 * mm-level: 4.1
 * LIRS: pages with a low inter-reference recency (LIR: few other pages came between their last two uses) have
 * nearly all of memory; the others (HIR) pass through the rest. Jiang and Zhang, LIRS: An Efficient Low
 * Inter-reference Recency Set Replacement Policy, SIGMETRICS 2002, section 3.
 *
 * The stack holds pages by recency: all LIR pages, and the HIR pages, in memory or not, used since the bottom
 * one was: the bottom is always LIR (pruning). The queue holds the HIR pages in memory; its front is the
 * victim. The cases when a page is used:
 *
 *   LIR                          to the top; prune
 *   HIR, on the stack            to the top; becomes LIR, and the bottom one HIR, at the end of the queue;
 * prune HIR, not on the stack        to the top, and to the end of the queue HIR, not in memory, on it    as
 * the second; not on it: as the third
 *
 * While there are fewer LIR pages than there may be, new pages are LIR. HIR pages get 1 % of memory, at least
 * one frame. The paper does not limit the stack; here the pages on it that are not in memory (ghosts) are at
 * most twice capacity, those that left first end first.
 *
 * In sampled mode uses are found late: at the front of the queue, and where the bottom of the stack would
 * become HIR. They count as made then, so LIR pages go round like a clock. See mm/usage.h for the bit that
 * the load sets. O(1) amortised: what is pruned was pushed. Frames beyond the room in the directory, while
 * the pool has more than capacity, wait on a list of their own and go first. */
#include "mm/directory.h"
#include "mm/slab.h"
#include "mm/usage.h"

enum { HIR_SHARE = 100, GHOST_FACTOR = 2 };

enum { HIR, LIR };      /* a page's flag */
enum { LISTED, SPARE }; /* policy_flag: policy_word is its number in the directory, or it has none */

/* A page is on the stack by link; by link2 on the queue or with the ghosts. */
struct lirs {
    struct directory pages;
    struct list_node stack;  /* the bottom first */
    struct list_node queue;  /* the front first */
    struct list_node ghosts; /* the one that left first, first */
    struct list_node spare;  /* frames */
    uint32_t lir_count, hir_count, ghost_count, spare_count;
    uint32_t lir_most, ghost_most;
    struct usage usage;
};

static void *lirs_create(const struct policy_setup *setup)
{
    struct lirs *l = kzalloc(sizeof *l);
    if (l == NULL)
        return NULL;
    list_init(&l->stack);
    list_init(&l->queue);
    list_init(&l->ghosts);
    list_init(&l->spare);
    l->lir_most = setup->capacity - MIN(MAX(setup->capacity / HIR_SHARE, 1u), setup->capacity);
    l->ghost_most = GHOST_FACTOR * setup->capacity;
    if (!directory_init(&l->pages, setup->capacity + l->ghost_most)) {
        kfree(l);
        return NULL;
    }
    return l;
}

static void lirs_destroy(void *state)
{
    struct lirs *l = state;
    directory_destroy(&l->pages);
    kfree(l);
}

static inline bool on_stack(const struct page_entry *e)
{
    return list_linked(&e->link);
}

static void ghost_end(struct lirs *l, struct page_entry *e)
{
    list_remove(&e->link);
    list_remove(&e->link2);
    l->ghost_count--;
    directory_remove(&l->pages, e);
}

/* What is below the bottommost LIR page comes off the stack. */
static void prune(struct lirs *l)
{
    while (!list_empty(&l->stack)) {
        struct page_entry *e = page_entry_of(l->stack.next);
        if (e->flag == LIR)
            return;
        if (e->frame == NULL)
            ghost_end(l, e);
        else
            list_remove(&e->link);
    }
}

static void to_top(struct lirs *l, struct page_entry *e)
{
    list_remove(&e->link);
    list_push_back(&l->stack, &e->link);
}

static void enqueue(struct lirs *l, struct page_entry *e)
{
    e->flag = HIR;
    list_push_back(&l->queue, &e->link2);
    l->hir_count++;
}

static void dequeue(struct lirs *l, struct page_entry *e)
{
    list_remove(&e->link2);
    l->hir_count--;
}

/* The bottom of the stack becomes HIR, but not `keep`, if there is another. => there is a LIR page */
static void demote_bottom(struct lirs *l, const struct page_entry *keep)
{
    prune(l);
    struct page_entry *e = page_entry_of(l->stack.next);
    /* ends: each page that is passed over has lost its bit, and `keep` is not met twice */
    while (l->lir_count > 1 && (e == keep || usage_test_clear(&l->usage, e->frame))) {
        to_top(l, e);
        prune(l);
        e = page_entry_of(l->stack.next);
    }
    list_remove(&e->link);
    l->lir_count--;
    enqueue(l, e);
    prune(l);
}

/* e, which is on no list, or on the stack, comes to its top. */
static void become_lir(struct lirs *l, struct page_entry *e)
{
    e->flag = LIR;
    l->lir_count++;
    to_top(l, e);
    if (l->lir_count > l->lir_most)
        demote_bottom(l, e);
    prune(l);
}

static void used(struct lirs *l, struct page_entry *e)
{
    if (e->flag == LIR) {
        to_top(l, e);
    } else if (on_stack(e)) {
        dequeue(l, e);
        become_lir(l, e);
    } else {
        dequeue(l, e);
        to_top(l, e);
        enqueue(l, e);
    }
    prune(l);
}

static void lirs_missed(void *state, struct page_id id)
{
    struct lirs *l = state;
    usage_missed(&l->usage, id);
}

static struct page_entry *new_entry(struct lirs *l, struct page_id id)
{
    struct page_entry *e = directory_add(&l->pages, id);
    if (e == NULL && l->ghost_count > 0) {
        ghost_end(l, page_entry_of2(l->ghosts.next));
        e = directory_add(&l->pages, id);
    }
    return e;
}

static void lirs_inserted(void *state, struct frame *f)
{
    struct lirs *l = state;
    struct page_id id = policy_page(f);
    struct page_entry *e = directory_find(&l->pages, id);
    bool ghost = e != NULL && e->frame == NULL;
    usage_inserted(&l->usage, f);
    list_init(&f->link);
    f->policy_flag = LISTED;
    if (!ghost)
        e = new_entry(l, id);
    if (e == NULL) {
        f->policy_flag = SPARE;
        list_push_back(&l->spare, &f->link);
        l->spare_count++;
        return;
    }
    e->frame = f;
    f->policy_word = e->number;
    if (ghost) {
        list_remove(&e->link2);
        l->ghost_count--;
    }
    if (ghost || l->lir_count < l->lir_most) {
        become_lir(l, e);
    } else {
        to_top(l, e);
        enqueue(l, e);
        prune(l);
    }
}

static void lirs_touched(void *state, struct frame *f)
{
    struct lirs *l = state;
    l->usage.exact = true;
    if (f->policy_flag == LISTED)
        used(l, directory_at(&l->pages, f->policy_word));
}

static struct frame *lirs_pick_victim(void *state)
{
    struct lirs *l = state;
    if (l->spare_count > 0)
        return policy_frame(l->spare.next);
    /* ends: each page that is passed over has lost its bit, or was LIR */
    while (l->hir_count + l->lir_count > 0) {
        if (l->hir_count == 0)
            demote_bottom(l, NULL);
        struct page_entry *e = page_entry_of2(l->queue.next);
        if (!usage_test_clear(&l->usage, e->frame))
            return e->frame;
        used(l, e);
    }
    return NULL;
}

static void lirs_removed(void *state, struct frame *f, bool evicted)
{
    struct lirs *l = state;
    usage_removed(&l->usage, f);
    if (f->policy_flag == SPARE) {
        list_remove(&f->link);
        l->spare_count--;
        return;
    }
    struct page_entry *e = directory_at(&l->pages, f->policy_word);
    if (e->flag == LIR)
        l->lir_count--;
    else
        dequeue(l, e);
    e->flag = HIR;
    e->frame = NULL;
    list_push_back(&l->ghosts, &e->link2);
    l->ghost_count++;
    if (!evicted || !on_stack(e))
        ghost_end(l, e);
    else if (l->ghost_count > l->ghost_most)
        ghost_end(l, page_entry_of2(l->ghosts.next));
    prune(l);
}

static void lirs_moved(void *state, struct frame *from, struct frame *to)
{
    struct lirs *l = state;
    policy_moved(l, from, to);
    usage_moved(&l->usage, from, to);
    if (to->policy_flag != SPARE)
        directory_at(&l->pages, to->policy_word)->frame = to;
}

/* The runner-up cannot be told if it was accessed, or if there is no other HIR page. */
static struct frame *lirs_explain(void *state, struct frame *victim, struct printer *why)
{
    struct lirs *l = state;
    if (victim->policy_flag == SPARE) {
        print(why, "over capacity");
        return policy_next(&l->spare, victim);
    }
    struct page_entry *e = directory_at(&l->pages, victim->policy_word);
    print(why, "front of the queue, %s, LIR=%u HIR=%u ghosts=%u",
          on_stack(e) ? "on the stack" : "not on the stack", l->lir_count, l->hir_count, l->ghost_count);
    if (e->flag != HIR || e->link2.next == &l->queue)
        return NULL;
    struct frame *f = page_entry_of2(e->link2.next)->frame;
    return usage_test(&l->usage, f) ? NULL : f;
}

struct census {
    uint32_t lir, hir, ghosts;
    bool whole;
};

static void count_page(const struct lirs *l, const struct page_entry *e, struct census *c)
{
    c->lir += e->flag == LIR;
    c->ghosts += e->frame == NULL;
    c->hir += e->flag == HIR && e->frame != NULL;
    c->whole &=
        c->lir + c->ghosts + c->hir <= l->pages.count && (e->frame != NULL || e->flag == HIR) &&
        (e->frame == NULL || (e->frame->policy_flag == LISTED && e->frame->policy_word == e->number)) &&
        list_linked(&e->link2) == (e->flag == HIR);
}

/* The paper's invariants: the bottom of the stack is LIR, LIR pages and ghosts are on it, and the queue is
 * what else is in memory. */
static uint32_t lirs_check(void *state, struct printer *out)
{
    struct lirs *l = state;
    struct census c = {.whole = true};
    uint32_t on_both = 0, queued = 0, spare = policy_check_queue(&l->spare, "lirs", out);
    if (spare == UINT32_MAX || !directory_check(&l->pages, "lirs", out))
        return UINT32_MAX;
    for (struct list_node *n = l->stack.next; n != &l->stack && c.whole; n = n->next) {
        count_page(l, page_entry_of(n), &c);
        on_both += page_entry_of(n)->flag == HIR && page_entry_of(n)->frame != NULL;
    }
    for (struct list_node *n = l->queue.next; n != &l->queue && c.whole; n = n->next, queued++) {
        c.whole &= page_entry_of2(n)->frame != NULL && page_entry_of2(n)->flag == HIR;
        if (!on_stack(page_entry_of2(n)))
            count_page(l, page_entry_of2(n), &c);
        else
            on_both--;
    }
    c.whole &= on_both == 0 && queued == c.hir;
    bool bottom = list_empty(&l->stack) || page_entry_of(l->stack.next)->flag == LIR;
    if (!c.whole || !bottom || c.lir != l->lir_count || c.hir != l->hir_count || c.ghosts != l->ghost_count ||
        spare != l->spare_count || c.lir > l->lir_most || c.ghosts > l->ghost_most ||
        c.lir + c.hir + c.ghosts != l->pages.count) {
        print(out, "policy lirs: LIR=%u of %u, %u found; HIR=%u, %u found; ghosts=%u, %u found; spare=%u\n",
              l->lir_count, l->lir_most, c.lir, l->hir_count, c.hir, l->ghost_count, c.ghosts,
              l->spare_count);
        return UINT32_MAX;
    }
    return c.lir + c.hir + spare;
}

static void lirs_dump(void *state, struct printer *out)
{
    struct lirs *l = state;
    policy_dump_queue(&l->spare, out);
    list_for_each (n, &l->queue)
        policy_dump_frame(page_entry_of2(n)->frame, out);
    list_for_each (n, &l->stack)
        if (page_entry_of(n)->flag == LIR)
            policy_dump_frame(page_entry_of(n)->frame, out);
}

const struct policy policy_lirs = {
    .name = "lirs",
    .summary = "who is used again soon has memory, others pass through (Jiang and Zhang 2002)",
    .create = lirs_create,
    .destroy = lirs_destroy,
    .missed = lirs_missed,
    .inserted = lirs_inserted,
    .touched = lirs_touched,
    .pick_victim = lirs_pick_victim,
    .removed = lirs_removed,
    .moved = lirs_moved,
    .explain = lirs_explain,
    .check = lirs_check,
    .dump = lirs_dump,
};
