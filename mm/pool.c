/* SPDX-License-Identifier: MIT
 * mm-level: 5
 * Pools: membership, and the policy's calls. Who is evicted, and how, is reclaim.c. */
#include "mm/pool.h"
#include "lib/command.h"
#include "lib/panic.h"
#include "lib/string.h"
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

void pool_insert(struct pool *p, struct frame *f, uint32_t refault_distance)
{
    f->pool = p;
    p->resident++;
    p->recent[p->insertions++ % ARRAY_SIZE(p->recent)] = f;
    p->policy->inserted(p->state, f, refault_distance);
}

void pool_return(struct pool *p, struct frame *f)
{
    f->pool = p;
    p->resident++;
    p->policy->inserted(p->state, f, REFAULT_NONE);
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

void pool_remove(struct frame *f)
{
    struct pool *p = f->pool;
    p->policy->removed(p->state, f);
    p->resident--;
    f->pool = NULL;
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

bool pools_check(struct printer *out)
{
    list_for_each (n, &all_pools) {
        struct pool *p = container_of(n, struct pool, link);
        uint32_t marked = 0, held = p->policy->check(p->state, out);
        if (held == UINT32_MAX)
            return false;
        for (uint32_t i = 0; i < frame_table_count; i++)
            marked += frame_table[i].pool == p;
        if (held != p->resident || marked != p->resident || p->resident > p->limit) {
            print(out, "pool %s: limit %u, %u counted resident, %u marked, policy %s holds %u\n", p->name,
                  p->limit, p->resident, marked, p->policy->name, held);
            return false;
        }
    }
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
