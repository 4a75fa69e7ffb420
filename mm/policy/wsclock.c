/* SPDX-License-Identifier: MIT
 * mm-level: 4.1
 * WSClock: a hand goes round like CLOCK's, and takes the first page that is out of the working set (not used
 * for a window of virtual time) and clean. Carr and Hennessy, WSCLOCK, SOSP 1981.
 *
 * Virtual time is the number of pages that came in, in exact and in sampled mode: it is the one time that
 * both know, and it stands still while a program needs nothing new. The window is half of capacity. A use is
 * dated exactly by a touch; in sampled mode, when the hand finds the accessed bit, whose setting by the load
 * does not matter, as a load is a use at that time anyway.
 *
 * The paper starts to write the dirty pages that the hand passes, so that they are clean when it comes again.
 * A policy cannot write. So if no page is out of the working set and clean, the one goes that is best of
 * those looked at: out of the set before in it, then clean before dirty, then the one unused for longest. The
 * paper looks at all pages before it gives up, and then runs fewer programs; here a choice looks at no more
 * than 32 pages that were not used since the hand came by. O(1) but for the used ones passed over. */
#include "mm/slab.h"
#include "mm/usage.h"

enum { LOOKS = 32 };

struct wsclock {
    struct list_node ring;  /* in order of insertion, behind the hand */
    struct list_node *hand; /* the next page to look at; &ring stands for "round again" */
    uint32_t count;
    uint32_t now; /* virtual time; a page's policy_word is the time of its last use */
    uint32_t window;
    struct usage usage;
};

static void *wsclock_create(const struct policy_setup *setup)
{
    struct wsclock *w = kzalloc(sizeof *w);
    if (w != NULL) {
        list_init(&w->ring);
        w->hand = &w->ring;
        w->window = MAX(setup->capacity / 2, 1u);
    }
    return w;
}

static void wsclock_inserted(void *state, struct frame *f)
{
    struct wsclock *w = state;
    f->policy_flag = 0;
    f->policy_word = ++w->now;
    list_push_back(w->hand, &f->link);
    w->count++;
}

static void wsclock_touched(void *state, struct frame *f)
{
    struct wsclock *w = state;
    w->usage.exact = true;
    f->policy_word = w->now;
}

/* Sampled mode: is f's last use only now found in its accessed bit? */
static bool found_used(struct wsclock *w, struct frame *f, bool look_only)
{
    if (w->usage.exact)
        return false;
    if (look_only)
        return policy_accessed(f);
    bool used = policy_test_clear_accessed(f);
    if (used)
        f->policy_word = w->now;
    return used;
}

/* How well f may go: first by the two rules, then by age. */
enum { YOUNG_DIRTY, YOUNG_CLEAN, OLD_DIRTY, OLD_CLEAN };

static int rank_of(const struct wsclock *w, const struct frame *f, uint32_t age)
{
    bool clean = !policy_dirty(f);
    if (age > w->window)
        return clean ? OLD_CLEAN : OLD_DIRTY;
    return clean ? YOUNG_CLEAN : YOUNG_DIRTY;
}

/* The best page of at most one round from `n` on, without `but`. NULL if there is no other. */
static struct frame *best_from(struct wsclock *w, struct list_node *n, const struct frame *but,
                               bool look_only)
{
    struct frame *best = NULL;
    int best_rank = 0;
    uint32_t best_age = 0, looks = 0;
    for (uint32_t i = 0; i <= w->count && looks < LOOKS; i++, n = n->next) { /* the head counts, too */
        struct frame *f = policy_frame(n);
        if (n == &w->ring || f == but)
            continue;
        bool used = found_used(w, f, look_only);
        uint32_t age = used ? 0 : w->now - f->policy_word;
        int rank = rank_of(w, f, age);
        if (best == NULL || rank > best_rank || (rank == best_rank && age > best_age)) {
            best = f;
            best_rank = rank;
            best_age = age;
        }
        if (rank == OLD_CLEAN)
            break;
        looks += !used;
    }
    return best;
}

static struct frame *wsclock_pick_victim(void *state)
{
    struct wsclock *w = state;
    struct frame *f = best_from(w, w->hand, NULL, false);
    if (f != NULL)
        w->hand = &f->link;
    return f;
}

static void wsclock_removed(void *state, struct frame *f, bool evicted UNUSED)
{
    struct wsclock *w = state;
    if (w->hand == &f->link)
        w->hand = f->link.next;
    list_remove(&f->link);
    w->count--;
}

static void wsclock_moved(void *state, struct frame *from, struct frame *to)
{
    struct wsclock *w = state;
    policy_moved_hand(&w->hand, from, to);
}

static struct frame *wsclock_next(void *state)
{
    struct wsclock *w = state;
    return best_from(w, w->hand, NULL, true);
}

static struct frame *wsclock_explain(void *state, struct frame *victim, struct printer *why)
{
    struct wsclock *w = state;
    print(why, "unused for %u of window %u, %s", w->now - victim->policy_word, w->window,
          policy_dirty(victim) ? "dirty" : "clean");
    return best_from(w, victim->link.next, victim, true);
}

static uint32_t wsclock_check(void *state, struct printer *out)
{
    struct wsclock *w = state;
    uint32_t n = policy_check_queue(&w->ring, "wsclock", out);
    if (n == UINT32_MAX || n == w->count)
        return n;
    print(out, "policy wsclock: %u pages counted, %u on the ring\n", w->count, n);
    return UINT32_MAX;
}

static void wsclock_dump(void *state, struct printer *out)
{
    struct wsclock *w = state;
    struct list_node *n = w->hand;
    do {
        if (n != &w->ring)
            policy_dump_frame(policy_frame(n), out);
        n = n->next;
    } while (n != w->hand);
}

const struct policy policy_wsclock = {
    .name = "wsclock",
    .summary = "CLOCK that takes what left the working set and is clean (Carr and Hennessy 1981)",
    .create = wsclock_create,
    .destroy = kfree,
    .inserted = wsclock_inserted,
    .touched = wsclock_touched,
    .pick_victim = wsclock_pick_victim,
    .removed = wsclock_removed,
    .moved = wsclock_moved,
    .explain = wsclock_explain,
    .next = wsclock_next,
    .check = wsclock_check,
    .dump = wsclock_dump,
};
