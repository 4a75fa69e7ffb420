/* SPDX-License-Identifier: MIT
 * mm-level: 5
 * Pools: membership, and the policy's calls. Who is evicted, and how, is reclaim.c. */
#include "mm/pool.h"
#include "lib/command.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "lib/wait.h"
#include "mm/rmap.h"
#include "mm/stats.h"

struct list_node all_pools = {&all_pools, &all_pools};

enum vm_result pool_init(struct pool *p, const char *name, const struct policy *policy, uint32_t limit,
                         uint32_t seed)
{
    if (limit < POOL_MIN_LIMIT)
        return VM_INVALID;
    *p = (struct pool){.name = name, .limit = limit};
    enum vm_result r = pool_set_policy(p, policy, seed);
    if (r == VM_OK)
        list_push_back(&all_pools, &p->link);
    return r;
}

void pool_destroy(struct pool *p)
{
    ASSERT(p->resident == 0, "pool %s destroyed with %u frames", p->name, p->resident);
    p->policy->destroy(p->state);
    list_remove(&p->link);
}

/* Somebody waits for a page that can go: here is one, or room for one. */
static inline void wake_waiters(struct pool *p)
{
    if (unlikely(p->waiters > 0))
        wake_all(p);
}

void pool_charge(struct pool *p, struct frame *f)
{
    f->pool = p;
    p->resident += 1u << f->order;
}

void pool_uncharge(struct frame *f)
{
    struct pool *p = f->pool;
    p->resident -= 1u << f->order;
    f->pool = NULL;
    wake_waiters(p);
}

/* The last page that came in loses the accessed bit that its own fault set. */
static void clear_last(struct pool *p)
{
    struct frame *last = p->recent[(p->insertions - 1) % ARRAY_SIZE(p->recent)];
    if (p->insertions > 0 && last->pool == p && (last->flags & FRAME_QUEUED))
        rmap_test_clear_accessed(last);
}

void pool_announce(struct pool *p, struct page_id id)
{
    if (p->expecting && page_id_equal(p->expected, id))
        return; /* the same fault, started over */
    p->expected = id;
    p->expecting = true;
    if (p->accessed == ACCESSED_DEFERRED)
        clear_last(p);
    if (p->policy->missed != NULL)
        p->policy->missed(p->state, id);
}

static inline void enqueue(struct frame *f)
{
    struct pool *p = f->pool;
    if (unlikely(f->wired > 0))
        return;
    f->flags |= FRAME_QUEUED;
    p->queued++;
    p->policy->inserted(p->state, f);
    wake_waiters(p);
}

void pool_insert(struct frame *f)
{
    struct pool *p = f->pool;
    p->recent[p->insertions++ % ARRAY_SIZE(p->recent)] = f;
    p->expecting = false;
    enqueue(f);
    if (unlikely(p->oracle != NULL))
        p->oracle->now++;
}

void pool_count_from_here(struct pool *p)
{
    p->counted_from = p->insertions;
    p->touches = 0;
    if (p->oracle != NULL)
        p->oracle->now = 0;
}

void pool_touch(struct frame *f)
{
    struct pool *p = f->pool;
    p->touches++;
    if (p->policy->touched != NULL && (f->flags & FRAME_QUEUED))
        p->policy->touched(p->state, f);
    if (p->oracle != NULL)
        p->oracle->now++;
}

void pool_reinsert(struct frame *f)
{
    enqueue(f);
}

void pool_remove(struct frame *f, bool evicted)
{
    struct pool *p = f->pool;
    f->flags &= (uint8_t)~FRAME_QUEUED;
    p->queued--;
    p->policy->removed(p->state, f, evicted);
}

void pool_wire(struct frame *f)
{
    if (f->wired++ > 0)
        return;
    f->pool->wired++;
    if (f->flags & FRAME_QUEUED)
        pool_remove(f, false);
}

void pool_unwire(struct frame *f)
{
    ASSERT(f->wired > 0, "pool: frame %#x is not wired", frame_pfn(f).n);
    if (--f->wired > 0)
        return;
    f->pool->wired--;
    pool_reinsert(f);
}

void pool_wait(struct pool *p)
{
    p->waiters++;
    wait_on(p);
    p->waiters--;
}

bool pool_recent(const struct pool *p, const struct frame *f)
{
    for (uint32_t i = 1; i < POOL_MIN_LIMIT; i++)
        if (p->recent[(p->insertions - i) % ARRAY_SIZE(p->recent)] == f)
            return true;
    return false;
}

void pool_requeue(struct frame *f)
{
    struct pool *p = f->pool;
    p->policy->removed(p->state, f, false);
    p->policy->inserted(p->state, f);
}

bool policy_test_clear_accessed(struct frame *f)
{
    vmstat.pgscan++;
    return rmap_test_clear_accessed(f);
}

bool policy_accessed(const struct frame *f)
{
    return rmap_accessed(f);
}

bool policy_dirty(const struct frame *f)
{
    return (f->flags & FRAME_DIRTY) || rmap_dirty(f);
}

struct page_id policy_page(const struct frame *f)
{
    if (f->object != NULL)
        return object_page_id(f->object, f->index);
    if (f->pmap != NULL)
        return page_id_of(f->pmap, f->va);
    return (struct page_id){OWNER_SLOT, f->slot.n};
}

static void set_announces(struct pool *p)
{
    p->announces = p->policy->missed != NULL || p->accessed == ACCESSED_DEFERRED;
}

void pool_set_accessed(struct pool *p, enum accessed_mode mode)
{
    p->accessed = mode;
    set_announces(p);
}

enum vm_result pool_set_policy(struct pool *p, const struct policy *policy, uint32_t seed)
{
    struct policy_setup setup = {.capacity = p->limit, .seed = seed, .oracle = p->oracle};
    if (((policy->needs & POLICY_NEEDS_ORACLE) && p->oracle == NULL) ||
        ((policy->needs & POLICY_NEEDS_TOUCHES) && !p->exact))
        return VM_INVALID;
    void *state = policy->create(&setup);
    if (state == NULL)
        return VM_NO_MEMORY;
    for (uint32_t i = 0; p->queued > 0 && i < frame_table_count; i++) {
        struct frame *f = &frame_table[i];
        if (f->pool != p || !(f->flags & FRAME_QUEUED))
            continue;
        p->policy->removed(p->state, f, false);
        policy->inserted(state, f);
    }
    if (p->policy != NULL)
        p->policy->destroy(p->state);
    p->policy = policy;
    p->state = state;
    set_announces(p);
    return VM_OK;
}

static bool check_pool(struct pool *p, struct printer *out)
{
    uint32_t charged = 0, queued = 0, wired = 0, held = p->policy->check(p->state, out);
    if (held == UINT32_MAX)
        return false;
    for (uint32_t i = 0; i < frame_table_count; i++) {
        const struct frame *f = &frame_table[i];
        if (f->pool != p)
            continue;
        charged += 1u << f->order;
        queued += (f->flags & FRAME_QUEUED) != 0;
        wired += f->wired > 0;
    }
    if (held != queued || queued != p->queued || charged != p->resident || wired != p->wired ||
        p->resident > p->limit) {
        print(out,
              "pool %s: limit %u, %u frames counted resident, %u charged; %u pages queued, %u marked, policy "
              "%s "
              "holds %u; %u wired, %u marked\n",
              p->name, p->limit, p->resident, charged, p->queued, queued, p->policy->name, held, p->wired,
              wired);
        return false;
    }
    return true;
}

bool pools_check(struct printer *out)
{
    list_for_each (n, &all_pools)
        if (!check_pool(container_of(n, struct pool, link), out))
            return false;
    return true;
}

static int command_run(int argc, char **argv, struct printer *out)
{
    if (argc == 2 && strcmp(argv[1], "dump") == 0) {
        list_for_each (n, &all_pools) {
            struct pool *p = container_of(n, struct pool, link);
            print(out, "pool %s, policy %s, in its order:\n", p->name, p->policy->name);
            if (p->policy->dump != NULL)
                p->policy->dump(p->state, out);
        }
        return 0;
    }
    if (argc != 1) {
        print(out, "policy: expected no argument, or: dump\n");
        return 1;
    }
    for (uint32_t i = 0; i < policy_count; i++) {
        bool used = false;
        list_for_each (n, &all_pools)
            used |= container_of(n, struct pool, link)->policy == policy_table[i];
        print(out, "%c %-13s %s\n", used ? '*' : ' ', policy_table[i]->name, policy_table[i]->summary);
    }
    return 0;
}

COMMAND(policy, "[dump]", "replacement policies (* in use); dump: the pages in the policy's order",
        command_run);
