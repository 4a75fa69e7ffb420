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
    *p = (struct pool){.name = name, .policy = policy, .limit = limit};
    p->state = policy->create(limit, seed);
    if (p->state == NULL)
        return VM_NO_MEMORY;
    list_push_back(&all_pools, &p->link);
    return VM_OK;
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

static inline void enqueue(struct frame *f, uint32_t refault_distance)
{
    struct pool *p = f->pool;
    if (unlikely(f->wired > 0))
        return;
    f->flags |= FRAME_QUEUED;
    p->queued++;
    p->policy->inserted(p->state, f, refault_distance);
    wake_waiters(p);
}

void pool_insert(struct frame *f, uint32_t refault_distance)
{
    struct pool *p = f->pool;
    p->recent[p->insertions++ % ARRAY_SIZE(p->recent)] = f;
    enqueue(f, refault_distance);
}

void pool_reinsert(struct frame *f)
{
    enqueue(f, REFAULT_NONE);
}

void pool_remove(struct frame *f)
{
    struct pool *p = f->pool;
    f->flags &= (uint8_t)~FRAME_QUEUED;
    p->queued--;
    p->policy->removed(p->state, f);
}

void pool_wire(struct frame *f)
{
    if (f->wired++ > 0)
        return;
    f->pool->wired++;
    if (f->flags & FRAME_QUEUED)
        pool_remove(f);
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
    p->policy->removed(p->state, f);
    p->policy->inserted(p->state, f, REFAULT_NONE);
}

bool policy_test_clear_accessed(struct frame *f)
{
    vmstat.pgscan++;
    return rmap_test_clear_accessed(f);
}

void pools_tick(void)
{
    list_for_each (n, &all_pools) {
        struct pool *p = container_of(n, struct pool, link);
        if (p->policy->tick != NULL)
            p->policy->tick(p->state);
    }
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
        print(out, "%c %-8s %s\n", used ? '*' : ' ', policy_table[i]->name, policy_table[i]->summary);
    }
    return 0;
}

COMMAND(policy, "[dump]", "replacement policies (* in use); dump: the pages in the policy's order",
        command_run);
