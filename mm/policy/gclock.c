/* SPDX-License-Identifier: MIT
 * mm-level: 4.1
 * GCLOCK, the generalized clock: each page has a counter, and the hand takes one from it as it passes; the
 * first page found at zero goes. A. J. Smith, ACM TODS 3(3), 1978; Nicola, Dan and Dias, SIGMETRICS 1992.
 *
 * The papers raise the counter at each reference. Here use is known by the accessed bit only, so the hand
 * does both: where it finds the bit set, it clears it and adds one, up to GCLOCK_MOST; where not, it takes
 * one away. A page that is used again and again earns up to seven idle rounds that way. A new page starts at
 * zero, and its accessed bit is left as loaded (convention a1). */
#include "mm/policy.h"
#include "mm/slab.h"

enum { GCLOCK_MOST = 7 };

struct gclock {
    struct list_node ring;  /* in order of insertion, behind the hand; frame->policy_word is the counter */
    struct list_node *hand; /* the next page to look at; &ring stands for "round again" */
    uint32_t passed;        /* pages that the last choice passed over, each time counted */
};

static void *gclock_create(const struct policy_setup *setup UNUSED)
{
    struct gclock *c = kmalloc(sizeof *c);
    if (c != NULL) {
        list_init(&c->ring);
        c->hand = &c->ring;
        c->passed = 0;
    }
    return c;
}

/* A new page takes the place just behind the hand: it is looked at last. */
static void gclock_inserted(void *state, struct frame *f)
{
    struct gclock *c = state;
    f->policy_word = 0;
    list_push_back(c->hand, &f->link);
}

/* Each pass either uses up a bit or pays back one that was used up before: at most two passes for each time
 * that a page's bit was set, so O(1) for each use. One choice may take GCLOCK_MOST + 2 rounds. */
static struct frame *gclock_pick_victim(void *state)
{
    struct gclock *c = state;
    if (list_empty(&c->ring))
        return NULL;
    for (c->passed = 0;; c->passed++, c->hand = c->hand->next) {
        if (c->hand == &c->ring)
            c->hand = c->ring.next;
        struct frame *f = policy_frame(c->hand);
        if (policy_test_clear_accessed(f))
            f->policy_word = MIN(f->policy_word + 1, (uint32_t)GCLOCK_MOST);
        else if (f->policy_word > 0)
            f->policy_word--;
        else
            return f;
    }
}

static void gclock_removed(void *state, struct frame *f, bool evicted UNUSED)
{
    struct gclock *c = state;
    if (c->hand == &f->link)
        c->hand = f->link.next;
    list_remove(&f->link);
}

static void gclock_moved(void *state, struct frame *from, struct frame *to)
{
    struct gclock *c = state;
    policy_moved_hand(&c->hand, from, to);
}

/* How often the hand must pass f before it takes it. */
static uint32_t rounds_left(const struct frame *f)
{
    return policy_accessed(f) ? 1 + MIN(f->policy_word + 1, (uint32_t)GCLOCK_MOST) : f->policy_word;
}

static struct frame *gclock_next(void *state)
{
    struct gclock *c = state;
    struct list_node *n = c->hand;
    struct frame *best = NULL;
    uint32_t held = 0, ahead = 0;
    do {
        if (n != &c->ring) {
            if (best == NULL || rounds_left(policy_frame(n)) < rounds_left(best)) {
                best = policy_frame(n);
                ahead = held;
            }
            held++;
        }
        n = n->next;
    } while (n != c->hand);
    if (best != NULL)
        c->passed = rounds_left(best) * held + ahead;
    return best;
}

/* The runner-up has the fewest rounds left; the hand meets it before others that have as few. */
static struct frame *gclock_explain(void *state, struct frame *victim, struct printer *why)
{
    struct gclock *c = state;
    struct frame *best = NULL;
    print(why, "count=0 accessed=0 after passing over %u", c->passed);
    for (struct list_node *n = victim->link.next; n != &victim->link; n = n->next)
        if (n != &c->ring && (best == NULL || rounds_left(policy_frame(n)) < rounds_left(best)))
            best = policy_frame(n);
    return best;
}

static uint32_t gclock_check(void *state, struct printer *out)
{
    struct gclock *c = state;
    uint32_t held = policy_check_queue(&c->ring, "gclock", out);
    for (struct list_node *n = c->ring.next; held != UINT32_MAX && n != &c->ring; n = n->next) {
        if (policy_frame(n)->policy_word > GCLOCK_MOST) {
            print(out, "policy gclock: frame %#x counts %u, %u is the most\n", frame_pfn(policy_frame(n)).n,
                  policy_frame(n)->policy_word, GCLOCK_MOST);
            return UINT32_MAX;
        }
    }
    return held;
}

static void gclock_dump(void *state, struct printer *out)
{
    struct gclock *c = state;
    struct list_node *n = c->hand;
    do {
        if (n != &c->ring)
            policy_dump_frame(policy_frame(n), out);
        n = n->next;
    } while (n != c->hand);
}

const struct policy policy_gclock = {
    .name = "gclock",
    .summary = "clock with a counter to 7 for each page, up if used, down if not (Smith 1978)",
    .create = gclock_create,
    .destroy = kfree,
    .inserted = gclock_inserted,
    .pick_victim = gclock_pick_victim,
    .removed = gclock_removed,
    .moved = gclock_moved,
    .explain = gclock_explain,
    .next = gclock_next,
    .check = gclock_check,
    .dump = gclock_dump,
};
