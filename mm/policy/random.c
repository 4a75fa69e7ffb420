/* SPDX-License-Identifier: MIT
 * mm-level: 4.1
 * Random replacement: every resident page is as likely to go. Belady, IBM Systems Journal 5(2), 1966.
 * Repeatable: the draw depends on the seed (seed=) and on the history only. */
#include "lib/random.h"
#include "mm/policy.h"
#include "mm/slab.h"

struct random {
    uint32_t rng, count, capacity;
    struct list_node beyond; /* the pool holds more than it said: these wait for a place among the members */
    struct frame *member[];  /* frame->policy_word is its index here, or WAITING */
};

#define WAITING UINT32_MAX

static void *random_create(const struct policy_setup *setup)
{
    struct random *r = kmalloc(sizeof *r + setup->capacity * sizeof r->member[0]);
    if (r != NULL) {
        r->rng = setup->seed != 0 ? setup->seed : 1;
        r->count = 0;
        r->capacity = setup->capacity;
        list_init(&r->beyond);
    }
    return r;
}

static void random_inserted(void *state, struct frame *f)
{
    struct random *r = state;
    if (unlikely(r->count == r->capacity)) {
        f->policy_word = WAITING;
        list_push_back(&r->beyond, &f->link);
        return;
    }
    f->policy_word = r->count;
    r->member[r->count++] = f;
}

static struct frame *random_pick_victim(void *state)
{
    struct random *r = state;
    return r->count > 0 ? r->member[random_below(&r->rng, r->count)] : NULL;
}

static void random_removed(void *state, struct frame *f, bool evicted UNUSED)
{
    struct random *r = state;
    if (unlikely(f->policy_word == WAITING)) {
        list_remove(&f->link);
        return;
    }
    struct frame *last = r->member[--r->count];
    r->member[f->policy_word] = last;
    last->policy_word = f->policy_word;
    struct list_node *next = list_pop_front(&r->beyond);
    if (unlikely(next != NULL))
        random_inserted(r, policy_frame(next));
}

static void random_moved(void *state, struct frame *from, struct frame *to)
{
    struct random *r = state;
    policy_moved(r, from, to);
    if (to->policy_word != WAITING)
        r->member[to->policy_word] = to;
}

static struct frame *random_explain(void *state, struct frame *victim UNUSED, struct printer *why)
{
    struct random *r = state;
    print(why, "drawn from %u", r->count);
    return NULL;
}

static uint32_t random_check(void *state, struct printer *out)
{
    struct random *r = state;
    for (uint32_t i = 0; i < r->count; i++) {
        if (r->member[i]->policy_word != i) {
            print(out, "policy random: member %u thinks it is %u\n", i, r->member[i]->policy_word);
            return UINT32_MAX;
        }
    }
    uint32_t beyond = policy_check_queue(&r->beyond, "random", out);
    return beyond == UINT32_MAX ? beyond : r->count + beyond;
}

static void random_dump(void *state, struct printer *out)
{
    struct random *r = state;
    for (uint32_t i = 0; i < r->count; i++)
        policy_dump_frame(r->member[i], out);
    policy_dump_queue(&r->beyond, out);
}

const struct policy policy_random = {
    .name = "random",
    .summary = "any resident page, all equally likely (Belady 1966)",
    .create = random_create,
    .destroy = kfree,
    .inserted = random_inserted,
    .pick_victim = random_pick_victim,
    .removed = random_removed,
    .moved = random_moved,
    .explain = random_explain,
    .check = random_check,
    .dump = random_dump,
};
