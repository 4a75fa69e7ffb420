/* SPDX-License-Identifier: MIT
 * mm-level: 4.1
 * CLOCK-Pro: what LIRS does, on one clock with reference bits only. Hot pages stay; cold ones go, but for a
 * test period their place on the clock is kept: a cold page that is used within it becomes hot. Jiang, Chen
 * and Zhang, CLOCK-Pro: An Effective Improvement of the CLOCK Replacement, USENIX 2005, section 3.
 *
 * The clock holds, in order of recency, hot pages, cold ones in memory, and cold ones in their test period
 * that are not (ghosts). Its head, where pages come in, is just behind the hot hand. Three hands turn the
 * same way:
 *
 *   cold   finds the victim: a cold page that was not used. A used one goes to the head; in its test period
 * it becomes hot, else a test period begins. What it evicts in its test period becomes a ghost. hot    makes
 * a hot page cold that was not used, when there are too many; the test periods of the pages that it passes
 * are over, ghosts there end. test   ends test periods when there are more ghosts than frames.
 *
 * A ghost that is missed comes in hot. The number of cold pages aimed at grows by one when a page is used in
 * its test period, and falls by one when a test period ends without; it is at least 1, and 1 at the start.
 *
 * The reference bit is set by a touch in exact mode, and is the accessed bit in sampled mode; it starts
 * clear, see mm/usage.h. O(1) amortised but for used pages passed over and for hot pages under the cold hand.
 * Frames beyond the room in the directory, while the pool has more than capacity, wait aside and go first. */
#include "mm/directory.h"
#include "mm/slab.h"
#include "mm/usage.h"

enum { HOT = 1, TEST = 2 }; /* a page's flag; cold without HOT */
enum { LISTED, SPARE };     /* policy_flag: policy_word is its number in the directory, or it has none */

struct clockpro {
    struct directory pages;
    struct list_node clock; /* pages; hands may rest on this node, and move on */
    struct list_node *cold_hand, *hot_hand, *test_hand;
    struct list_node spare; /* frames */
    uint32_t hot_count, cold_count, ghost_count, spare_count;
    uint32_t capacity;
    uint32_t cold_aim;
    struct usage usage;
};

static void *clockpro_create(const struct policy_setup *setup)
{
    struct clockpro *c = kzalloc(sizeof *c);
    if (c == NULL)
        return NULL;
    list_init(&c->clock);
    list_init(&c->spare);
    c->cold_hand = c->hot_hand = c->test_hand = &c->clock;
    c->capacity = setup->capacity;
    c->cold_aim = 1;
    if (!directory_init(&c->pages, 2 * c->capacity)) {
        kfree(c);
        return NULL;
    }
    return c;
}

static void clockpro_destroy(void *state)
{
    struct clockpro *c = state;
    directory_destroy(&c->pages);
    kfree(c);
}

static inline bool is_ghost(const struct page_entry *e)
{
    return e->frame == NULL;
}

static inline bool is_cold(const struct page_entry *e)
{
    return e->frame != NULL && !(e->flag & HOT);
}

/* ---- the clock ---- */

static void take(struct clockpro *c, struct page_entry *e)
{
    struct list_node *n = &e->link;
    if (c->cold_hand == n)
        c->cold_hand = n->next;
    if (c->hot_hand == n)
        c->hot_hand = n->next;
    if (c->test_hand == n)
        c->test_hand = n->next;
    list_remove(n);
}

static void put_at_head(struct clockpro *c, struct page_entry *e)
{
    list_push_back(c->hot_hand, &e->link);
}

/* => the page at *hand or, if that is no page, the next one. => the clock is not empty */
static struct page_entry *page_at(struct clockpro *c, struct list_node **hand)
{
    if (*hand == &c->clock)
        *hand = c->clock.next;
    return page_entry_of(*hand);
}

static void ghost_end(struct clockpro *c, struct page_entry *e)
{
    take(c, e);
    c->ghost_count--;
    directory_remove(&c->pages, e);
}

/* e was passed by a hand: if it was in its test period, that ends, and nobody used it. */
static void end_test(struct clockpro *c, struct page_entry *e)
{
    if (!(e->flag & TEST))
        return;
    c->cold_aim = MAX(c->cold_aim - 1, 1u);
    e->flag &= (uint8_t)~TEST;
    if (is_ghost(e))
        ghost_end(c, e);
}

static void used_in_test(struct clockpro *c)
{
    c->cold_aim = MIN(c->cold_aim + 1, MAX(c->capacity, 2u) - 1);
}

/* ---- the hands ---- */

/* Makes one hot page cold. => there is one */
static void turn_hot_hand(struct clockpro *c)
{
    /* ends within two rounds: the first one cleared every bit */
    for (;;) {
        struct page_entry *e = page_at(c, &c->hot_hand);
        c->hot_hand = e->link.next;
        if (!(e->flag & HOT)) {
            end_test(c, e);
        } else if (!usage_test_clear(&c->usage, e->frame)) {
            e->flag = 0;
            c->hot_count--;
            c->cold_count++;
            return;
        }
    }
}

/* Ends test periods until a ghost has ended. => there is one */
static void turn_test_hand(struct clockpro *c)
{
    for (uint32_t before = c->ghost_count; c->ghost_count == before;) {
        struct page_entry *e = page_at(c, &c->test_hand);
        c->test_hand = e->link.next;
        end_test(c, e);
    }
}

/* e, which is on no list and not counted, becomes hot. */
static void become_hot(struct clockpro *c, struct page_entry *e)
{
    e->flag = HOT;
    c->hot_count++;
    put_at_head(c, e);
    used_in_test(c);
    while (c->hot_count > 0 && c->hot_count + c->cold_aim > c->capacity)
        turn_hot_hand(c);
}

/* => the next cold page at the cold hand. => there is one */
static struct page_entry *turn_cold_hand(struct clockpro *c)
{
    struct page_entry *e;
    while (!is_cold(e = page_at(c, &c->cold_hand)))
        c->cold_hand = e->link.next;
    return e;
}

static struct frame *clockpro_pick_victim(void *state)
{
    struct clockpro *c = state;
    if (c->spare_count > 0)
        return policy_frame(c->spare.next);
    /* ends: each page that is passed over has lost its bit */
    while (c->hot_count + c->cold_count > 0) {
        if (c->cold_count == 0)
            turn_hot_hand(c);
        struct page_entry *e = turn_cold_hand(c);
        if (!usage_test_clear(&c->usage, e->frame))
            return e->frame;
        take(c, e);
        if (e->flag & TEST) {
            c->cold_count--;
            become_hot(c, e);
        } else {
            e->flag = TEST;
            put_at_head(c, e);
        }
    }
    return NULL;
}

/* ---- pages come and go ---- */

static void clockpro_missed(void *state, struct page_id id)
{
    struct clockpro *c = state;
    usage_missed(&c->usage, id);
}

static struct page_entry *new_entry(struct clockpro *c, struct page_id id)
{
    struct page_entry *e = directory_add(&c->pages, id);
    if (e == NULL && c->ghost_count > 0) {
        turn_test_hand(c);
        e = directory_add(&c->pages, id);
    }
    return e;
}

static void clockpro_inserted(void *state, struct frame *f)
{
    struct clockpro *c = state;
    struct page_id id = policy_page(f);
    struct page_entry *e = directory_find(&c->pages, id);
    bool ghost = e != NULL && is_ghost(e);
    usage_inserted(&c->usage, f);
    list_init(&f->link);
    f->policy_flag = LISTED;
    if (!ghost)
        e = new_entry(c, id);
    if (e == NULL) {
        f->policy_flag = SPARE;
        list_push_back(&c->spare, &f->link);
        c->spare_count++;
        return;
    }
    f->policy_word = e->number;
    e->frame = f;
    if (ghost) {
        take(c, e);
        c->ghost_count--;
        become_hot(c, e);
    } else {
        e->flag = TEST;
        c->cold_count++;
        put_at_head(c, e);
    }
    if (c->ghost_count >
        c->capacity) /* only now, or the ghost that the victim drives out could be this page's */
        turn_test_hand(c);
}

static void clockpro_touched(void *state, struct frame *f)
{
    struct clockpro *c = state;
    usage_touched(&c->usage, f);
}

static void clockpro_removed(void *state, struct frame *f, bool evicted)
{
    struct clockpro *c = state;
    usage_removed(&c->usage, f);
    if ((f->policy_flag & SPARE) != 0) {
        list_remove(&f->link);
        c->spare_count--;
        return;
    }
    struct page_entry *e = directory_at(&c->pages, f->policy_word);
    if (e->flag & HOT)
        c->hot_count--;
    else
        c->cold_count--;
    e->frame = NULL;
    if (evicted && e->flag == TEST) {
        c->ghost_count++;
        while (c->ghost_count > c->capacity + 1) /* it may be about to come: see clockpro_inserted */
            turn_test_hand(c);
    } else {
        take(c, e);
        directory_remove(&c->pages, e);
    }
}

static void clockpro_moved(void *state, struct frame *from, struct frame *to)
{
    struct clockpro *c = state;
    policy_moved(c, from, to);
    usage_moved(&c->usage, from, to);
    if ((to->policy_flag & SPARE) == 0)
        directory_at(&c->pages, to->policy_word)->frame = to;
}

/* The runner-up cannot be told if it was used, or if there is no other cold page. */
static struct frame *clockpro_explain(void *state, struct frame *victim, struct printer *why)
{
    struct clockpro *c = state;
    if ((victim->policy_flag & SPARE) != 0) {
        print(why, "over capacity");
        return policy_next(&c->spare, victim);
    }
    struct page_entry *e = directory_at(&c->pages, victim->policy_word);
    print(why, "cold, %s, hot=%u cold=%u aim=%u ghosts=%u", e->flag & TEST ? "in test" : "not in test",
          c->hot_count, c->cold_count, c->cold_aim, c->ghost_count);
    for (struct list_node *n = e->link.next; n != &e->link; n = n->next) {
        struct page_entry *next = page_entry_of(n);
        if (n != &c->clock && is_cold(next))
            return usage_test(&c->usage, next->frame) ? NULL : next->frame;
    }
    return NULL;
}

/* ---- checks ---- */

/* The paper's invariants: no more ghosts than frames (and one until the next page has come), all of them in
 * their test period, and hot pages leave room for the cold ones aimed at. */
static uint32_t clockpro_check(void *state, struct printer *out)
{
    struct clockpro *c = state;
    uint32_t hot = 0, cold = 0, ghosts = 0, hands = 0, spare = policy_check_queue(&c->spare, "clockpro", out);
    bool whole = true;
    if (spare == UINT32_MAX || !directory_check(&c->pages, "clockpro", out))
        return UINT32_MAX;
    for (struct list_node *n = c->clock.next; n != &c->clock && whole; n = n->next) {
        const struct page_entry *e = page_entry_of(n);
        hot += (e->flag & HOT) != 0;
        cold += is_cold(e);
        ghosts += is_ghost(e);
        hands += (n == c->cold_hand) + (n == c->hot_hand) + (n == c->test_hand);
        whole = hot + cold + ghosts <= c->pages.count && n->next->prev == n &&
                (is_ghost(e) ? e->flag == TEST
                             : e->flag != (HOT | TEST) && !(e->frame->policy_flag & SPARE) &&
                                   e->frame->policy_word == e->number);
    }
    hands += (&c->clock == c->cold_hand) + (&c->clock == c->hot_hand) + (&c->clock == c->test_hand);
    if (!whole || hands != 3 || hot != c->hot_count || cold != c->cold_count || ghosts != c->ghost_count ||
        spare != c->spare_count || hot + cold + ghosts != c->pages.count || ghosts > c->capacity + 1 ||
        hot >= MAX(c->capacity, 1u) || c->cold_aim == 0 || c->cold_aim > c->capacity) {
        print(out,
              "policy clockpro: hot=%u, %u found; cold=%u, %u found; ghosts=%u, %u found; aim=%u; %u hands\n",
              c->hot_count, hot, c->cold_count, cold, c->ghost_count, ghosts, c->cold_aim, hands);
        return UINT32_MAX;
    }
    return hot + cold + spare;
}

static void clockpro_dump(void *state, struct printer *out)
{
    struct clockpro *c = state;
    policy_dump_queue(&c->spare, out);
    for (int hot = 0; hot <= 1; hot++) {
        struct list_node *n = hot ? c->hot_hand : c->cold_hand;
        for (uint32_t i = 0; i <= c->pages.count; i++, n = n->next) {
            const struct page_entry *e = page_entry_of(n);
            if (n != &c->clock && !is_ghost(e) && ((e->flag & HOT) != 0) == (hot != 0))
                policy_dump_frame(e->frame, out);
        }
    }
}

const struct policy policy_clockpro = {
    .name = "clockpro",
    .summary = "LIRS on a clock with three hands (Jiang, Chen and Zhang 2005)",
    .create = clockpro_create,
    .destroy = clockpro_destroy,
    .missed = clockpro_missed,
    .inserted = clockpro_inserted,
    .touched = clockpro_touched,
    .pick_victim = clockpro_pick_victim,
    .removed = clockpro_removed,
    .moved = clockpro_moved,
    .explain = clockpro_explain,
    .check = clockpro_check,
    .dump = clockpro_dump,
};
