/* SPDX-License-Identifier: MIT
 * mm-level: 4.07
 * The four lists of ARC and CAR.
 *
 * The papers drop a ghost before the victim becomes one; here the excess is dropped after the page came in.
 * The lists are the same then, and stay right when a page comes without a miss or a miss without a page. */
#include "mm/policy/adaptive.h"
#include "mm/slab.h"

struct adaptive *adaptive_create(const struct policy_setup *setup, const char *name,
                                 int (*side_of)(const struct adaptive *, uint32_t, uint32_t))
{
    struct adaptive *a = kzalloc(sizeof *a);
    if (a == NULL)
        return NULL;
    a->name = name;
    a->side = side_of;
    a->capacity = setup->capacity;
    for (int side = 0; side < ADAPTIVE_SIDES; side++) {
        list_init(&a->t[side]);
        list_init(&a->b[side]);
    }
    if (!directory_init(&a->ghosts, 2 * a->capacity)) {
        kfree(a);
        return NULL;
    }
    return a;
}

void adaptive_destroy(void *state)
{
    struct adaptive *a = state;
    directory_destroy(&a->ghosts);
    kfree(a);
}

static void ghost_end(struct adaptive *a, struct page_entry *ghost)
{
    list_remove(&ghost->link);
    a->b_count[ghost->flag]--;
    directory_remove(&a->ghosts, ghost);
}

static inline void ghost_end_oldest(struct adaptive *a, int side)
{
    ghost_end(a, page_entry_of(a->b[side].next));
}

static void end_excess(struct adaptive *a)
{
    const uint32_t *t = a->t_count, *b = a->b_count;
    while (b[SEEN_ONCE] > 0 && t[SEEN_ONCE] + b[SEEN_ONCE] > a->capacity)
        ghost_end_oldest(a, SEEN_ONCE);
    while (b[SEEN_ONCE] + b[SEEN_OFTEN] > 0 &&
           t[SEEN_ONCE] + t[SEEN_OFTEN] + b[SEEN_ONCE] + b[SEEN_OFTEN] > 2 * a->capacity)
        ghost_end_oldest(a, b[SEEN_OFTEN] > 0 ? SEEN_OFTEN : SEEN_ONCE);
}

void adaptive_learn(struct adaptive *a, const struct page_entry *ghost)
{
    uint32_t own = a->b_count[ghost->flag], other = a->b_count[!ghost->flag];
    uint32_t step = MAX(other / own, 1u);
    if (ghost->flag == SEEN_ONCE)
        a->target = MIN(a->target + step, a->capacity);
    else
        a->target -= MIN(step, a->target);
}

static inline int adaptive_side(const struct frame *f)
{
    return f->policy_flag & SEEN_OFTEN;
}

static void put(struct adaptive *a, struct frame *f, int side)
{
    f->policy_flag = (uint8_t)side;
    list_push_back(&a->t[side], &f->link);
    a->t_count[side]++;
}

static void take(struct adaptive *a, struct frame *f)
{
    list_remove(&f->link);
    a->t_count[adaptive_side(f)]--;
}

void adaptive_insert(struct adaptive *a, struct frame *f)
{
    struct page_entry *ghost = directory_find(&a->ghosts, policy_page(f));
    usage_inserted(&a->usage, f);
    if (ghost != NULL)
        ghost_end(a, ghost);
    put(a, f, ghost != NULL ? SEEN_OFTEN : SEEN_ONCE);
    end_excess(a);
}

void adaptive_promote(struct adaptive *a, struct frame *f)
{
    take(a, f);
    put(a, f, SEEN_OFTEN);
}

void adaptive_removed(void *state, struct frame *f, bool evicted)
{
    struct adaptive *a = state;
    int side = adaptive_side(f);
    usage_removed(&a->usage, f);
    take(a, f);
    struct page_entry *ghost = evicted ? directory_add(&a->ghosts, policy_page(f)) : NULL;
    if (ghost != NULL) {
        ghost->flag = (uint8_t)side;
        list_push_back(&a->b[side], &ghost->link);
        a->b_count[side]++;
    }
    end_excess(a); /* none, unless the pool holds more than capacity */
}

void adaptive_moved(void *state, struct frame *from, struct frame *to)
{
    struct adaptive *a = state;
    policy_moved(a, from, to);
    usage_moved(&a->usage, from, to);
}

struct frame *adaptive_pick_victim(void *state)
{
    struct adaptive *a = state;
    /* ends: each page that is passed over has lost its bit */
    while (a->t_count[SEEN_ONCE] + a->t_count[SEEN_OFTEN] > 0) {
        int side = a->side(a, a->t_count[SEEN_ONCE], a->t_count[SEEN_OFTEN]);
        struct frame *f = policy_frame(a->t[side].next);
        if (!usage_test_clear(&a->usage, f))
            return f;
        adaptive_promote(a, f);
    }
    return NULL;
}

/* => the next to go on one side, but f; it is there */
static struct frame *oldest_but(const struct adaptive *a, int side, const struct frame *f)
{
    struct list_node *n = a->t[side].next;
    if (n == &f->link)
        n = n->next;
    return policy_frame(n);
}

struct frame *adaptive_explain(void *state, struct frame *victim, struct printer *why)
{
    struct adaptive *a = state;
    uint32_t left[ADAPTIVE_SIDES] = {a->t_count[SEEN_ONCE], a->t_count[SEEN_OFTEN]};
    print(why, "oldest of T%d, T1=%u B1=%u T2=%u B2=%u p=%u", adaptive_side(victim) + 1,
          a->t_count[SEEN_ONCE], a->b_count[SEEN_ONCE], a->t_count[SEEN_OFTEN], a->b_count[SEEN_OFTEN],
          a->target);
    left[adaptive_side(victim)]--;
    if (left[SEEN_ONCE] + left[SEEN_OFTEN] == 0)
        return NULL;
    struct frame *f = oldest_but(a, a->side(a, left[SEEN_ONCE], left[SEEN_OFTEN]), victim);
    return usage_test(&a->usage, f) ? NULL : f;
}

static bool side_whole(const struct adaptive *a, int side, struct printer *out)
{
    uint32_t frames = policy_check_queue(&a->t[side], a->name, out);
    uint32_t ghosts = policy_check_queue(&a->b[side], a->name, out);
    bool marked = true;
    if (frames == UINT32_MAX || ghosts == UINT32_MAX)
        return false;
    list_for_each (n, &a->t[side])
        marked &= adaptive_side(policy_frame(n)) == side;
    list_for_each (n, &a->b[side])
        marked &= page_entry_of(n)->flag == side;
    if (!marked || frames != a->t_count[side] || ghosts != a->b_count[side])
        print(out, "policy %s: T%d counts %u and has %u, B%d %u and %u, or a page is on the wrong one\n",
              a->name, side + 1, a->t_count[side], frames, side + 1, a->b_count[side], ghosts);
    return marked && frames == a->t_count[side] && ghosts == a->b_count[side];
}

/* The papers' invariants, which hold with so many frames above capacity as the pool may insert. */
uint32_t adaptive_check(void *state, struct printer *out)
{
    const struct adaptive *a = state;
    const uint32_t *t = a->t_count, *b = a->b_count, c = a->capacity;
    if (!side_whole(a, SEEN_ONCE, out) || !side_whole(a, SEEN_OFTEN, out) ||
        !directory_check(&a->ghosts, a->name, out))
        return UINT32_MAX;
    if (t[SEEN_ONCE] + b[SEEN_ONCE] > MAX(c, t[SEEN_ONCE]) ||
        t[SEEN_ONCE] + t[SEEN_OFTEN] + b[SEEN_ONCE] + b[SEEN_OFTEN] >
            MAX(2 * c, t[SEEN_ONCE] + t[SEEN_OFTEN]) ||
        b[SEEN_ONCE] + b[SEEN_OFTEN] != a->ghosts.count || a->target > c) {
        print(out, "policy %s: T1=%u B1=%u T2=%u B2=%u, %u ghosts, p=%u of c=%u\n", a->name, t[SEEN_ONCE],
              b[SEEN_ONCE], t[SEEN_OFTEN], b[SEEN_OFTEN], a->ghosts.count, a->target, c);
        return UINT32_MAX;
    }
    return t[SEEN_ONCE] + t[SEEN_OFTEN];
}

void adaptive_dump(void *state, struct printer *out)
{
    struct adaptive *a = state;
    policy_dump_queue(&a->t[SEEN_ONCE], out);
    policy_dump_queue(&a->t[SEEN_OFTEN], out);
}
