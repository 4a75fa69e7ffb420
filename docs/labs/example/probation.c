/* SPDX-License-Identifier: MIT
 * mm-level: 4.1
 * Probation: a page that comes in waits in a queue of newcomers. Who was used again by the time that it gets
 * to the front is kept, as in CLOCK; who was not goes, and so a scan pushes out nobody but itself. The idea
 * of the queue in front is 2Q's (Johnson and Shasha, VLDB 1994); here accessed bits do for what 2Q sees
 * exactly. */
#include "lib/types.h"
#include "mm/policy.h"
#include "mm/slab.h"

enum {
    NEWCOMERS = 4, /* a quarter of the pages is on probation, */
    RECENT = 8,    /* but not fewer than an instruction may need at once */
    IS_NEW = 1,    /* policy_flag */
};

struct probation {
    struct list_node new, kept; /* oldest first */
    struct frame *latest;       /* the last one that came in, while it is new */
    uint32_t new_count, new_target;
};

static void *probation_create(const struct policy_setup *setup)
{
    struct probation *p = kmalloc(sizeof *p);
    if (p == NULL)
        return NULL;
    list_init(&p->new);
    list_init(&p->kept);
    p->latest = NULL;
    p->new_count = 0;
    p->new_target = MAX(setup->capacity / NEWCOMERS, (uint32_t)RECENT);
    return p;
}

/* The access that brings a page in sets its bit too. That says nothing, so the bit is cleared when the next
 * page comes: from then on it means "used again". */
static void probation_inserted(void *state, struct frame *f)
{
    struct probation *p = state;
    if (p->latest != NULL)
        policy_test_clear_accessed(p->latest);
    p->latest = f;
    f->policy_flag = IS_NEW;
    list_push_back(&p->new, &f->link);
    p->new_count++;
}

static void leave_queue(struct probation *p, struct frame *f)
{
    list_remove(&f->link);
    if (f->policy_flag == IS_NEW)
        p->new_count--;
    if (f == p->latest)
        p->latest = NULL;
}

static void probation_removed(void *state, struct frame *f, bool evicted UNUSED)
{
    leave_queue(state, f);
}

/* Ends: each turn of the loop makes one newcomer fewer, or one accessed bit. */
static struct frame *probation_pick_victim(void *state)
{
    struct probation *p = state;
    for (;;) {
        bool from_new = p->new_count > p->new_target || list_empty(&p->kept);
        struct list_node *queue = from_new ? &p->new : &p->kept;
        if (list_empty(queue))
            return NULL;
        struct frame *f = policy_frame(queue->next);
        if (!policy_test_clear_accessed(f))
            return f;
        leave_queue(p, f);
        f->policy_flag = 0;
        list_push_back(&p->kept, &f->link);
    }
}

/* The same choice without the victim, and without touching anything. */
static struct frame *probation_explain(void *state, struct frame *victim, struct printer *why)
{
    struct probation *p = state;
    bool new = victim->policy_flag == IS_NEW;
    print(why, "queue=%s new=%u target=%u", new ? "new" : "kept", p->new_count, p->new_target);
    struct frame *first_kept = NULL;
    for (struct list_node *n = p->kept.next; n != &p->kept && first_kept == NULL; n = n->next)
        if (n != &victim->link)
            first_kept = policy_frame(n);
    uint32_t left = p->new_count - new;
    for (struct list_node *n = p->new.next; n != &p->new; n = n->next) {
        struct frame *f = policy_frame(n);
        if (f == victim)
            continue;
        if (left <= p->new_target && first_kept != NULL)
            break;
        if (!policy_accessed(f))
            return f;
        left--; /* it would be kept */
        if (first_kept == NULL)
            first_kept = f;
    }
    for (struct list_node *n = p->kept.next; n != &p->kept; n = n->next)
        if (n != &victim->link && !policy_accessed(policy_frame(n)))
            return policy_frame(n);
    return first_kept;
}

static uint32_t probation_check(void *state, struct printer *out)
{
    struct probation *p = state;
    uint32_t new = policy_check_queue(&p->new, "probation", out);
    uint32_t kept = policy_check_queue(&p->kept, "probation", out);
    if (new == UINT32_MAX || kept == UINT32_MAX)
        return UINT32_MAX;
    if (new != p->new_count) {
        print(out, "probation: %u newcomers, counted %u\n", new, p->new_count);
        return UINT32_MAX;
    }
    return new + kept;
}

static void probation_dump(void *state, struct printer *out)
{
    struct probation *p = state;
    policy_dump_queue(&p->new, out);
    policy_dump_queue(&p->kept, out);
}

const struct policy policy_probation = {
    .name = "probation",
    .summary = "newcomers stay if they are used again (after 2Q, Johnson and Shasha 1994)",
    .create = probation_create,
    .destroy = kfree,
    .inserted = probation_inserted,
    .pick_victim = probation_pick_victim,
    .removed = probation_removed,
    .explain = probation_explain,
    .check = probation_check,
    .dump = probation_dump,
};
