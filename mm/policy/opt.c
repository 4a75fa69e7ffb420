/* SPDX-License-Identifier: MIT
 * mm-level: 4.1
 * OPT: the page goes that will be wanted latest. No policy has fewer faults. Belady, IBM Systems Journal
 * 5(2), 1966 (MIN); Mattson, Gecsei, Slutz and Traiger, IBM Systems Journal 9(2), 1970 (OPT, and the proof).
 * It must be told the future (struct oracle), from the first page on: of a page that was there before, it
 * knows nothing.
 *
 * Of pages that nobody wants any more, the one goes that has been so for longest.
 *
 * A heap with the next victim on top: O(log n) for each reference. A page that was taken out and comes back
 * without a reference to it (the pool could not evict it, or only had a look) keeps its next use, and waits
 * beside the heap until the next reference, so that the pool is offered another one. Pages above capacity
 * wait there, too. */
#include "mm/directory.h"
#include "mm/slab.h"

/* So many of the pages that left last are remembered, for the case that they come back unwanted: more than
 * can be on their way out at once. */
enum { OPT_LEFT = 64 };

enum { OPT_WAITS, OPT_IN_HEAP }; /* policy_flag */

struct opt_page {
    struct frame *frame; /* policy_word is its index here */
    uint32_t next_use;
    uint32_t since; /* number of the call that said so */
};

struct opt {
    const struct oracle *oracle;
    struct list_node waiting; /* frames; policy_word is the next use */
    uint32_t waiting_count;
    struct directory left; /* pages that left lately; word is the next use */
    struct list_node left_queue;
    uint32_t calls;
    uint32_t capacity, count; /* of the heap */
    struct opt_page heap[];
};

static void *opt_create(const struct policy_setup *setup)
{
    struct opt *o = kmalloc(sizeof *o + setup->capacity * sizeof o->heap[0]);
    if (o == NULL)
        return NULL;
    *o = (struct opt){.oracle = setup->oracle, .capacity = setup->capacity};
    list_init(&o->waiting);
    list_init(&o->left_queue);
    if (!directory_init(&o->left, OPT_LEFT)) {
        kfree(o);
        return NULL;
    }
    return o;
}

static void opt_destroy(void *state)
{
    struct opt *o = state;
    directory_destroy(&o->left);
    kfree(o);
}

/* ---- the heap ---- */

static inline bool goes_before(const struct opt_page *a, const struct opt_page *b)
{
    return a->next_use > b->next_use || (a->next_use == b->next_use && a->since < b->since);
}

static inline void place(struct opt *o, uint32_t i, struct opt_page page)
{
    o->heap[i] = page;
    page.frame->policy_word = i;
}

/* The page at i has changed, or is new. */
static void sift(struct opt *o, uint32_t i)
{
    struct opt_page page = o->heap[i];
    for (; i > 0 && goes_before(&page, &o->heap[(i - 1) / 2]); i = (i - 1) / 2)
        place(o, i, o->heap[(i - 1) / 2]);
    for (uint32_t child; (child = 2 * i + 1) < o->count; i = child) {
        if (child + 1 < o->count && goes_before(&o->heap[child + 1], &o->heap[child]))
            child++;
        if (!goes_before(&o->heap[child], &page))
            break;
        place(o, i, o->heap[child]);
    }
    place(o, i, page);
}

static void heap_remove(struct opt *o, uint32_t i)
{
    o->count--;
    if (i < o->count) {
        place(o, i, o->heap[o->count]);
        sift(o, i);
    }
}

static void wait_aside(struct opt *o, struct frame *f, uint32_t next_use)
{
    f->policy_flag = OPT_WAITS;
    f->policy_word = next_use;
    list_push_back(&o->waiting, &f->link);
    o->waiting_count++;
}

static void add(struct opt *o, struct frame *f, uint32_t next_use)
{
    if (o->count == o->capacity) {
        wait_aside(o, f, next_use);
        return;
    }
    f->policy_flag = OPT_IN_HEAP;
    place(o, o->count, (struct opt_page){f, next_use, o->calls++});
    sift(o, o->count++);
}

/* The next reference is being made: the pages that waited for it take part again. */
static void end_waiting(struct opt *o)
{
    while (o->waiting_count > 0 && o->count < o->capacity) {
        struct frame *f = policy_frame(o->waiting.next);
        list_remove(&f->link);
        o->waiting_count--;
        add(o, f, f->policy_word);
    }
}

/* ---- pages that left ---- */

static void forget(struct opt *o, struct page_entry *e)
{
    list_remove(&e->link);
    directory_remove(&o->left, e);
}

static void remember(struct opt *o, struct page_id id, uint32_t next_use)
{
    if (o->left.count == OPT_LEFT)
        forget(o, page_entry_of(o->left_queue.next));
    struct page_entry *e = directory_add(&o->left, id);
    if (e != NULL) {
        e->word = next_use;
        list_push_back(&o->left_queue, &e->link);
    }
}

/* ---- the policy ---- */

/* It is wanted, so its next use is another one from here on. */
static void opt_missed(void *state, struct page_id id)
{
    struct opt *o = state;
    struct page_entry *e = directory_find(&o->left, id);
    if (e != NULL)
        forget(o, e);
}

static void opt_inserted(void *state, struct frame *f)
{
    struct opt *o = state;
    struct page_entry *e = directory_find(&o->left, policy_page(f));
    if (e != NULL) {
        wait_aside(o, f, e->word);
        forget(o, e);
        return;
    }
    end_waiting(o);
    add(o, f, oracle_next_use(o->oracle));
}

static void opt_touched(void *state, struct frame *f)
{
    struct opt *o = state;
    end_waiting(o);
    if (f->policy_flag == OPT_WAITS) {
        f->policy_word = oracle_next_use(o->oracle);
        return;
    }
    struct opt_page *page = &o->heap[f->policy_word];
    page->next_use = oracle_next_use(o->oracle);
    page->since = o->calls++;
    sift(o, f->policy_word);
}

static struct frame *opt_pick_victim(void *state)
{
    struct opt *o = state;
    if (o->count > 0)
        return o->heap[0].frame;
    return o->waiting_count > 0 ? policy_frame(o->waiting.next) : NULL;
}

static void opt_removed(void *state, struct frame *f, bool evicted UNUSED)
{
    struct opt *o = state;
    if (f->policy_flag == OPT_WAITS) {
        remember(o, policy_page(f), f->policy_word);
        list_remove(&f->link);
        o->waiting_count--;
    } else {
        remember(o, policy_page(f), o->heap[f->policy_word].next_use);
        heap_remove(o, f->policy_word);
    }
}

static void opt_moved(void *state, struct frame *from, struct frame *to)
{
    struct opt *o = state;
    policy_moved(o, from, to);
    o->heap[to->policy_word].frame = to;
}

static struct frame *opt_explain(void *state, struct frame *victim, struct printer *why)
{
    struct opt *o = state;
    bool waits = victim->policy_flag == OPT_WAITS;
    uint32_t next_use = waits ? victim->policy_word : o->heap[victim->policy_word].next_use;
    if (next_use == ORACLE_NEVER)
        print(why, "next-use=never now=%u", o->oracle->now);
    else
        print(why, "next-use=%u now=%u", next_use, o->oracle->now);
    if (waits)
        return policy_next(&o->waiting, victim);
    if (o->count > 1) /* the victim is on top, the runner-up just below */
        return o->heap[o->count > 2 && goes_before(&o->heap[2], &o->heap[1]) ? 2 : 1].frame;
    return o->waiting_count > 0 ? policy_frame(o->waiting.next) : NULL;
}

static uint32_t opt_check(void *state, struct printer *out)
{
    struct opt *o = state;
    for (uint32_t i = 0; i < o->count; i++) {
        const struct frame *f = o->heap[i].frame;
        if (f->policy_word != i || f->policy_flag != OPT_IN_HEAP ||
            (i > 0 && goes_before(&o->heap[i], &o->heap[(i - 1) / 2]))) {
            print(out, "policy opt: the heap is broken at %u of %u\n", i, o->count);
            return UINT32_MAX;
        }
    }
    uint32_t waiting = policy_check_queue(&o->waiting, "opt", out);
    if (waiting != o->waiting_count || !directory_check(&o->left, "opt", out)) {
        print(out, "policy opt: %u pages counted waiting, %u are\n", o->waiting_count, waiting);
        return UINT32_MAX;
    }
    return o->count + waiting;
}

/* Sorts the heap, which is then still one, and shows the order. */
static void opt_dump(void *state, struct printer *out)
{
    struct opt *o = state;
    uint32_t count = o->count;
    while (o->count > 0) {
        struct opt_page top = o->heap[0];
        heap_remove(o, 0);
        place(o, o->count, top);
    }
    for (uint32_t i = 0; i < count / 2; i++) {
        struct opt_page page = o->heap[i];
        place(o, i, o->heap[count - 1 - i]);
        place(o, count - 1 - i, page);
    }
    o->count = count;
    for (uint32_t i = 0; i < count; i++)
        policy_dump_frame(o->heap[i].frame, out);
    policy_dump_queue(&o->waiting, out);
}

const struct policy policy_opt = {
    .name = "opt",
    .summary = "the page that is wanted latest; must be told the future (Belady 1966)",
    .needs = POLICY_NEEDS_ORACLE,
    .create = opt_create,
    .destroy = opt_destroy,
    .missed = opt_missed,
    .inserted = opt_inserted,
    .touched = opt_touched,
    .pick_victim = opt_pick_victim,
    .removed = opt_removed,
    .moved = opt_moved,
    .explain = opt_explain,
    .next = opt_pick_victim, /* changes nothing */
    .check = opt_check,
    .dump = opt_dump,
};
