/* SPDX-License-Identifier: MIT
 * mm-level: 8.4
 * The policy command: policies, the pools that they rule, and another policy for one of them. */
#include "lib/command.h"
#include "lib/string.h"
#include "mm/pool.h"
#include "mm/space.h"

static void dump_pools(struct printer *out)
{
    list_for_each (n, &all_pools) {
        struct pool *p = container_of(n, struct pool, link);
        print(out, "pool %s, policy %s, in its order:\n", p->name, p->policy->name);
        if (p->policy->dump != NULL)
            p->policy->dump(p->state, out);
    }
}

static void list_policies(struct printer *out)
{
    for (uint32_t i = 0; i < policy_count; i++) {
        bool used = false;
        list_for_each (n, &all_pools)
            used |= container_of(n, struct pool, link)->policy == policy_table[i];
        print(out, "%c %-13s %s\n", used ? '*' : ' ', policy_table[i]->name, policy_table[i]->summary);
    }
}

static struct pool *pool_of_process(const char *pid, struct printer *out)
{
    uint32_t n;
    const struct space *s = parse_u32(pid, false, &n) ? space_find(n) : NULL;
    if (s == NULL) {
        print(out, "policy: pid=%s: expected the pid of a running program; ps lists them\n", pid);
        return NULL;
    }
    if (s->pool == pool_heir) {
        print(out, "policy: pid=%s is in pool %s, which all share: say pool=%s if that is meant\n", pid,
              s->pool->name, s->pool->name);
        return NULL;
    }
    return s->pool;
}

/* Which pool is meant: `which` is pid=N, pool=NAME, or NULL for the one that all share. => NULL after saying
 * what is wrong */
static struct pool *named_pool(const char *which, struct printer *out)
{
    if (which == NULL)
        return pool_heir;
    if (strncmp(which, "pid=", 4) == 0)
        return pool_of_process(which + 4, out);
    struct pool *p = strncmp(which, "pool=", 5) == 0 ? pool_find(which + 5) : NULL;
    if (p == NULL)
        print(out, "policy: %s: expected pid=N, or pool=NAME of a pool; policy lists them\n", which);
    return p;
}

static int change(const char *name, const char *which, struct printer *out)
{
    const struct policy *policy = policy_find(name);
    if (policy == NULL) {
        print(out, "policy: %s: expected dump, or one of: ", name);
        policy_names(out);
        print(out, "\n");
        return 1;
    }
    struct pool *p = named_pool(which, out);
    if (p == NULL || !pool_suits(policy, p->exact, p->oracle, out))
        return 1;
    const char *before = p->policy->name;
    if (pool_set_policy(p, policy, p->seed) != VM_OK) {
        print(out, "policy: no memory for policy %s with %u frames\n", name, p->limit);
        return 1;
    }
    print(out, "policy: pool %s is under %s now, was under %s; %u pages stay\n", p->name, name, before,
          p->queued);
    return 0;
}

static int command_run(int argc, char **argv, struct printer *out)
{
    if (argc > 3) {
        print(out, "policy: unexpected argument %s\n", argv[3]);
        return 1;
    }
    if (argc == 2 && strcmp(argv[1], "dump") == 0) {
        dump_pools(out);
        return 0;
    }
    if (argc > 1)
        return change(argv[1], argc == 3 ? argv[2] : NULL, out);
    list_policies(out);
    list_for_each (n, &all_pools)
        pool_print(container_of(n, struct pool, link), out);
    return 0;
}

/* ---- pool ---- */

static void show_pool(const struct pool *p, struct printer *out)
{
    uint32_t room = p->limit > p->resident ? p->limit - p->resident : 0;
    pool_print(p, out);
    print(out, "  frames    %u of %u: %u pages compete, %u wired, room for %u\n", p->resident, p->limit,
          p->queued, p->wired, room);
    if (p->low > 0)
        print(out, "  marks     the pager evicts when fewer than %u are free, until %u are\n", p->low,
              p->high);
    else
        print(out, "  marks     none: no pager\n");
    print(out, "  order     a unit of residence is %u page%s\n", 1u << p->order, p->order > 0 ? "s" : "");
    print(out, "  sees      %s\n", p->exact ? "every reference (exact)" : "accessed bits (sampled)");
    print(out, "  programs ");
    uint32_t found = 0;
    list_for_each (n, &all_spaces) {
        const struct space *s = container_of(n, struct space, link);
        if (s->pool != p)
            continue;
        print(out, " %u", s->pmap.tag);
        found++;
    }
    print(out, "%s\n", found == 0 ? " none" : "");
}

static int pool_run(int argc, char **argv, struct printer *out)
{
    struct pool *one = argc == 2 ? pool_find(argv[1]) : NULL;
    if (argc > 2 || (argc == 2 && one == NULL)) {
        print(out, "pool: %s: expected no argument, or one of:", argv[argc - 1]);
        list_for_each (n, &all_pools)
            print(out, " %s", container_of(n, struct pool, link)->name);
        print(out, "\n");
        return 1;
    }
    if (list_empty(&all_pools))
        print(out, "pool: there is none\n");
    list_for_each (n, &all_pools)
        if (one == NULL || one == container_of(n, struct pool, link))
            show_pool(container_of(n, struct pool, link), out);
    if (one != NULL && one->policy->dump != NULL && one->queued > 0) {
        print(out, "  in the order of %s:\n", one->policy->name);
        one->policy->dump(one->state, out);
    }
    return 0;
}

static void pool_command_complete(int argc, char **argv UNUSED, struct completion *c)
{
    if (argc == 1)
        pool_complete(c);
}

COMMAND_AT_STOP(pool, "[NAME]", "pools: limit, pages, watermarks, programs; of one, also its policy's queues",
                pool_run, .complete = pool_command_complete);

/* ---- policy ---- */

void policy_complete(struct completion *c)
{
    for (uint32_t i = 0; i < policy_count; i++)
        complete_offer(c, policy_table[i]->name);
}

void pool_complete(struct completion *c)
{
    list_for_each (n, &all_pools)
        complete_offer(c, container_of(n, struct pool, link)->name);
}

static void command_complete(int argc, char **argv UNUSED, struct completion *c)
{
    if (argc == 1)
        policy_complete(c);
    else if (argc == 2 && complete_after(c, "pool="))
        pool_complete(c);
    else if (argc == 2)
        complete_words(c, "pid= pool=");
}

COMMAND_AT_STOP(
    policy, "[dump | NAME [pid=N|pool=P]]",
    "policies (* in use) and pools; another policy for a pool; dump: the pages in the policy's order",
    command_run, .words = "dump", .complete = command_complete,
    .more = "  policy            all policies, * in use, and the pools\n"
            "  policy arc        the pool that all share is under arc from here on; every page stays\n"
            "  policy lirs pid=3   the same for the pool of a program started by `with`\n"
            "  policy dump       the pages of each pool, those that go first first\n");
