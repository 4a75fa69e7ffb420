/* SPDX-License-Identifier: MIT
 * mm-level: 4.1
 * 2Q, full version: Johnson and Shasha, VLDB 1994. A page that comes for the first time goes through a queue,
 * A1in, and leaves it for a list of ghosts, A1out. Only if it is wanted again while it is a ghost, it gets
 * into Am, where the pages are that are used for long. One scan of pages that nobody wants again passes
 * through A1in and leaves Am as it is. Kin, from where on A1in gives the victims, is a quarter of the
 * capacity, and Kout, the most ghosts, a half of it, at least 1 each.
 *
 * Am is LRU if it is told of references (exact mode). If not, it is a second-chance queue: who is found
 * accessed at its head goes to the back without the bit. Bits are left as loaded (convention a1). In A1in,
 * use counts for nothing; the paper takes it to be the same one as the first.
 *
 * A page that is wanted is looked up among the ghosts before room is made for it, which may push it out
 * there. What was taken aside and comes back is new: it goes to A1in. */
#include "mm/directory.h"
#include "mm/slab.h"

enum queue { A1IN, AM, QUEUES };

struct twoq {
    struct list_node queue[QUEUES]; /* oldest first; frame->policy_flag says which */
    uint32_t count[QUEUES];
    struct list_node ghosts; /* A1out: entries of the directory, oldest first */
    struct directory directory;
    uint32_t kin, kout;
    struct page_id wanted; /* the last miss, ... */
    bool known;            /* ... which was a ghost */
    bool exact;            /* references are known */
};

static void *twoq_create(const struct policy_setup *setup)
{
    struct twoq *q = kzalloc(sizeof *q);
    if (q == NULL)
        return NULL;
    q->kin = MAX(setup->capacity / 4, 1u);
    q->kout = MAX(setup->capacity / 2, 1u);
    list_init(&q->queue[A1IN]);
    list_init(&q->queue[AM]);
    list_init(&q->ghosts);
    if (directory_init(&q->directory, q->kout))
        return q;
    kfree(q);
    return NULL;
}

static void twoq_destroy(void *state)
{
    struct twoq *q = state;
    directory_destroy(&q->directory);
    kfree(q);
}

static void forget(struct twoq *q, struct page_entry *ghost)
{
    list_remove(&ghost->link);
    directory_remove(&q->directory, ghost);
}

/* The page becomes the newest ghost. */
static void remember(struct twoq *q, struct page_id id)
{
    struct page_entry *e = directory_find(&q->directory, id);
    if (e != NULL)
        forget(q, e);
    else if (q->directory.count >= q->kout)
        forget(q, page_entry_of(q->ghosts.next));
    e = directory_add(&q->directory, id);
    if (e != NULL)
        list_push_back(&q->ghosts, &e->link);
}

static void twoq_missed(void *state, struct page_id id)
{
    struct twoq *q = state;
    q->wanted = id;
    q->known = directory_find(&q->directory, id) != NULL;
}

static void twoq_inserted(void *state, struct frame *f)
{
    struct twoq *q = state;
    struct page_id id = policy_page(f);
    struct page_entry *ghost = directory_find(&q->directory, id);
    bool known = ghost != NULL || (q->known && page_id_equal(id, q->wanted));
    if (ghost != NULL)
        forget(q, ghost);
    if (page_id_equal(id, q->wanted))
        q->known = false;
    f->policy_flag = known ? AM : A1IN;
    q->count[f->policy_flag]++;
    list_push_back(&q->queue[f->policy_flag], &f->link);
}

static void move_to_back(struct twoq *q, struct frame *f)
{
    list_remove(&f->link);
    list_push_back(&q->queue[AM], &f->link);
}

static void twoq_touched(void *state, struct frame *f)
{
    struct twoq *q = state;
    q->exact = true;
    if (f->policy_flag == AM)
        move_to_back(q, f);
}

/* Which queue gives the victim, if they hold so many pages? */
static enum queue chosen_queue(const struct twoq *q, uint32_t in_a1, uint32_t in_am)
{
    return in_a1 > q->kin || in_am == 0 ? A1IN : AM;
}

/* O(1) in exact mode, otherwise O(1) for each time that a bit in Am was set. */
static struct frame *twoq_pick_victim(void *state)
{
    struct twoq *q = state;
    struct list_node *head = &q->queue[chosen_queue(q, q->count[A1IN], q->count[AM])];
    if (list_empty(head))
        return NULL;
    if (head == &q->queue[AM] && !q->exact)
        while (policy_test_clear_accessed(policy_frame(head->next)))
            move_to_back(q, policy_frame(head->next));
    return policy_frame(head->next);
}

static void twoq_removed(void *state, struct frame *f, bool evicted)
{
    struct twoq *q = state;
    list_remove(&f->link);
    q->count[f->policy_flag]--;
    if (evicted && f->policy_flag == A1IN)
        remember(q, policy_page(f));
}

static struct frame *twoq_next(void *state)
{
    struct twoq *q = state;
    enum queue from = chosen_queue(q, q->count[A1IN], q->count[AM]);
    list_for_each (n, &q->queue[from])
        if (from == A1IN || q->exact || !policy_accessed(policy_frame(n)))
            return policy_frame(n);
    return list_empty(&q->queue[from]) ? NULL : policy_frame(q->queue[from].next);
}

static struct frame *twoq_explain(void *state, struct frame *victim, struct printer *why)
{
    struct twoq *q = state;
    struct frame *first = NULL;
    uint32_t in_a1 = q->count[A1IN], in_am = q->count[AM];
    print(why, "queue=%s a1in=%u kin=%u am=%u", victim->policy_flag == AM ? "am" : "a1in", in_a1, q->kin,
          in_am);
    enum queue from =
        victim->policy_flag == AM ? chosen_queue(q, in_a1, in_am - 1) : chosen_queue(q, in_a1 - 1, in_am);
    list_for_each (n, &q->queue[from]) {
        struct frame *f = policy_frame(n);
        if (f == victim)
            continue;
        if (from == A1IN || q->exact || !policy_accessed(f))
            return f;
        if (first == NULL)
            first = f; /* if all of them were used, this one is first again */
    }
    return first;
}

static uint32_t twoq_check(void *state, struct printer *out)
{
    struct twoq *q = state;
    uint32_t ghosts = policy_check_queue(&q->ghosts, "twoq", out);
    if (ghosts == UINT32_MAX || !directory_check(&q->directory, "twoq", out))
        return UINT32_MAX;
    for (uint32_t i = 0; i < QUEUES; i++) {
        uint32_t n = policy_check_queue(&q->queue[i], "twoq", out), mine = 0;
        if (n == UINT32_MAX)
            return n;
        list_for_each (at, &q->queue[i])
            mine += policy_frame(at)->policy_flag == i;
        if (n != q->count[i] || n != mine) {
            print(out, "policy twoq: %u pages in queue %u, %u counted, %u think they are in it\n", n, i,
                  q->count[i], mine);
            return UINT32_MAX;
        }
    }
    if (ghosts != q->directory.count || ghosts > q->kout) {
        print(out, "policy twoq: %u ghosts, %u pages in the directory, %u are allowed\n", ghosts,
              q->directory.count, q->kout);
        return UINT32_MAX;
    }
    return q->count[A1IN] + q->count[AM];
}

static void twoq_dump(void *state, struct printer *out)
{
    struct twoq *q = state;
    enum queue first = chosen_queue(q, q->count[A1IN], q->count[AM]);
    policy_dump_queue(&q->queue[first], out);
    policy_dump_queue(&q->queue[first == A1IN ? AM : A1IN], out);
}

const struct policy policy_twoq = {
    .name = "twoq",
    .summary = "2Q: only who comes back soon after leaving the first queue stays (Johnson, Shasha 1994)",
    .create = twoq_create,
    .destroy = twoq_destroy,
    .missed = twoq_missed,
    .inserted = twoq_inserted,
    .touched = twoq_touched,
    .pick_victim = twoq_pick_victim,
    .removed = twoq_removed,
    .moved = policy_moved,
    .explain = twoq_explain,
    .next = twoq_next,
    .check = twoq_check,
    .dump = twoq_dump,
};
