/* SPDX-License-Identifier: MIT
 * mm-level: 4.1
 * S3-FIFO: three FIFO queues. New pages go through a small one, a tenth of memory; from its end those that
 * were used more than once go on to the main queue, the others out, and only their names to the ghost queue.
 * A ghost that is missed comes in at the main queue. A page at the end of the main queue goes round again for
 * each use, three at most. Yang, Zhang, Qiu, Yue and Rashmi, FIFO Queues are All You Need for Cache Eviction,
 * SOSP 2023, algorithm 1.
 *
 * The paper's caches may refuse an object and may drop two for one; paging can do neither, so each choice is
 * one page, and the queue that gives it is determined anew for each page looked at. In sampled mode a bit
 * says "used", not how often: a page leaves the small queue for the main one if it was used at all. See
 * mm/usage.h for the bit that the load sets. O(1) but for the pages passed over. */
#include "mm/directory.h"
#include "mm/slab.h"
#include "mm/usage.h"

enum { SMALL_SHARE = 10 }; /* the small queue is a tenth of memory */
enum { USES_MAX = 3 };     /* two bits; policy_word counts the uses */

enum { SMALL, MAIN, QUEUES }; /* policy_flag */

struct s3fifo {
    struct list_node queue[QUEUES]; /* frames, the oldest first */
    uint32_t count[QUEUES];
    struct list_node ghost_queue; /* entries, the oldest first */
    struct directory ghosts;
    uint32_t small; /* size that the small queue should have */
    struct usage usage;
};

static void *s3fifo_create(const struct policy_setup *setup)
{
    struct s3fifo *s = kzalloc(sizeof *s);
    if (s == NULL)
        return NULL;
    list_init(&s->queue[SMALL]);
    list_init(&s->queue[MAIN]);
    list_init(&s->ghost_queue);
    s->small = MAX(setup->capacity / SMALL_SHARE, 1u);
    if (!directory_init(&s->ghosts, MAX(setup->capacity - s->small, 1u))) { /* as many as the main queue */
        kfree(s);
        return NULL;
    }
    return s;
}

static void s3fifo_destroy(void *state)
{
    struct s3fifo *s = state;
    directory_destroy(&s->ghosts);
    kfree(s);
}

static void ghost_end(struct s3fifo *s, struct page_entry *ghost)
{
    list_remove(&ghost->link);
    directory_remove(&s->ghosts, ghost);
}

static void put(struct s3fifo *s, struct frame *f, int queue)
{
    f->policy_flag = (uint8_t)queue;
    list_push_back(&s->queue[queue], &f->link);
    s->count[queue]++;
}

static void take(struct s3fifo *s, struct frame *f)
{
    list_remove(&f->link);
    s->count[f->policy_flag]--;
}

static void s3fifo_missed(void *state, struct page_id id)
{
    struct s3fifo *s = state;
    usage_missed(&s->usage, id);
}

static void s3fifo_inserted(void *state, struct frame *f)
{
    struct s3fifo *s = state;
    struct page_entry *ghost = directory_find(&s->ghosts, policy_page(f));
    usage_inserted(&s->usage, f);
    f->policy_word = 0;
    put(s, f, ghost != NULL ? MAIN : SMALL);
    if (ghost != NULL)
        ghost_end(s, ghost);
}

static inline void count_use(struct frame *f)
{
    f->policy_word = MIN(f->policy_word + 1, (uint32_t)USES_MAX);
}

static void s3fifo_touched(void *state, struct frame *f)
{
    struct s3fifo *s = state;
    s->usage.exact = true;
    count_use(f);
}

/* => the queue that gives a page, if they are of these lengths, not both 0 */
static inline int queue_to_shrink(const struct s3fifo *s, uint32_t small, uint32_t main)
{
    return main == 0 || small >= s->small ? SMALL : MAIN;
}

static inline bool stays(const struct s3fifo *s, const struct frame *f, uint32_t uses)
{
    uint32_t enough = f->policy_flag == SMALL && s->usage.exact ? 2 : 1;
    return uses >= enough;
}

static struct frame *s3fifo_pick_victim(void *state)
{
    struct s3fifo *s = state;
    /* ends: each page that is passed over has lost a use */
    while (s->count[SMALL] + s->count[MAIN] > 0) {
        int queue = queue_to_shrink(s, s->count[SMALL], s->count[MAIN]);
        struct frame *f = policy_frame(s->queue[queue].next);
        if (!s->usage.exact && policy_test_clear_accessed(f))
            count_use(f);
        if (!stays(s, f, f->policy_word))
            return f;
        f->policy_word = queue == SMALL ? 0 : f->policy_word - 1;
        take(s, f);
        put(s, f, MAIN);
    }
    return NULL;
}

static void s3fifo_removed(void *state, struct frame *f, bool evicted)
{
    struct s3fifo *s = state;
    usage_removed(&s->usage, f);
    take(s, f);
    if (!evicted || f->policy_flag == MAIN)
        return;
    struct page_entry *ghost = directory_add(&s->ghosts, policy_page(f));
    if (ghost == NULL) {
        ghost_end(s, page_entry_of(s->ghost_queue.next));
        ghost = directory_add(&s->ghosts, policy_page(f));
    }
    if (ghost != NULL)
        list_push_back(&s->ghost_queue, &ghost->link);
}

static void s3fifo_moved(void *state, struct frame *from, struct frame *to)
{
    struct s3fifo *s = state;
    policy_moved(s, from, to);
    usage_moved(&s->usage, from, to);
}

/* The runner-up cannot be told if it was used, and so would be passed over. */
static struct frame *s3fifo_explain(void *state, struct frame *victim, struct printer *why)
{
    struct s3fifo *s = state;
    uint32_t left[QUEUES] = {s->count[SMALL], s->count[MAIN]};
    print(why, "oldest of %s, uses=%u small=%u main=%u ghosts=%u",
          victim->policy_flag == SMALL ? "small" : "main", victim->policy_word, left[SMALL], left[MAIN],
          s->ghosts.count);
    left[victim->policy_flag]--;
    if (left[SMALL] + left[MAIN] == 0)
        return NULL;
    int queue = queue_to_shrink(s, left[SMALL], left[MAIN]);
    struct list_node *n = s->queue[queue].next;
    struct frame *f = policy_frame(n == &victim->link ? n->next : n);
    return stays(s, f, f->policy_word + (!s->usage.exact && policy_accessed(f))) ? NULL : f;
}

static uint32_t s3fifo_check(void *state, struct printer *out)
{
    struct s3fifo *s = state;
    bool marked = true;
    for (int queue = 0; queue < QUEUES; queue++) {
        uint32_t frames = policy_check_queue(&s->queue[queue], "s3fifo", out);
        if (frames == UINT32_MAX)
            return UINT32_MAX;
        list_for_each (n, &s->queue[queue])
            marked &= policy_frame(n)->policy_flag == queue && policy_frame(n)->policy_word <= USES_MAX;
        marked &= frames == s->count[queue];
    }
    if (!directory_check(&s->ghosts, "s3fifo", out))
        return UINT32_MAX;
    if (!marked) {
        print(out, "policy s3fifo: small=%u main=%u, and a page or a count is wrong\n", s->count[SMALL],
              s->count[MAIN]);
        return UINT32_MAX;
    }
    return s->count[SMALL] + s->count[MAIN];
}

static void s3fifo_dump(void *state, struct printer *out)
{
    struct s3fifo *s = state;
    policy_dump_queue(&s->queue[SMALL], out);
    policy_dump_queue(&s->queue[MAIN], out);
}

const struct policy policy_s3fifo = {
    .name = "s3fifo",
    .summary = "three FIFO queues: small, main, ghosts (Yang 2023)",
    .create = s3fifo_create,
    .destroy = s3fifo_destroy,
    .missed = s3fifo_missed,
    .inserted = s3fifo_inserted,
    .touched = s3fifo_touched,
    .pick_victim = s3fifo_pick_victim,
    .removed = s3fifo_removed,
    .moved = s3fifo_moved,
    .explain = s3fifo_explain,
    .check = s3fifo_check,
    .dump = s3fifo_dump,
};
