/* SPDX-License-Identifier: MIT
 * mm-level: 5
 * Pools: membership, and the policy's calls. Who is evicted, and how, is reclaim.c. */
#include "mm/pool.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "lib/wait.h"
#include "mm/rmap.h"
#include "mm/slab.h"
#include "mm/stats.h"
#include "mm/used.h"

struct list_node all_pools = {&all_pools, &all_pools};
struct pool *pool_heir;

/* => the name is the caller's and stays */
static enum vm_result init(struct pool *p, const struct pool_config *c)
{
    if (c->limit < pool_min_limit(c->wired_apart, c->order))
        return VM_INVALID;
    *p = (struct pool){.name = c->name,
                       .refs = 1,
                       .limit = c->limit,
                       .order = c->order,
                       .accessed = c->accessed,
                       .exact = c->exact,
                       .wired_apart = c->wired_apart,
                       .oracle = c->oracle};
    list_init(&p->used);
    enum vm_result r = pool_set_policy(p, c->policy, c->seed);
    if (r == VM_OK)
        list_push_back(&all_pools, &p->link);
    return r;
}

enum vm_result pool_init(struct pool *p, const char *name, const struct policy *policy, uint32_t limit,
                         uint32_t seed)
{
    const struct pool_config c = {.name = name, .policy = policy, .limit = limit, .seed = seed};
    return init(p, &c);
}

struct pool *pool_create(const struct pool_config *c)
{
    size_t length = strlen(c->name) + 1;
    struct pool *p = kmalloc(sizeof *p + length); /* the name behind the pool */
    if (p == NULL)
        return NULL;
    struct pool_config named = *c;
    named.name = memcpy(p + 1, c->name, length);
    if (init(p, &named) == VM_OK)
        return p;
    kfree(p);
    return NULL;
}

void pool_destroy(struct pool *p)
{
    ASSERT(p->resident == 0, "pool %s destroyed with %u frames", p->name, p->resident);
    p->policy->destroy(p->state);
    list_remove(&p->link);
    page_use_forget(&p->used);
}

struct pool *pool_find(const char *name)
{
    list_for_each (n, &all_pools)
        if (strcmp(container_of(n, struct pool, link)->name, name) == 0)
            return container_of(n, struct pool, link);
    return NULL;
}

void pool_note_excess(struct pool *p)
{
    p->excess = p->resident > p->limit ? p->resident - p->limit : 0;
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
    if (unlikely((p->excess | p->waiters) != 0)) {
        pool_note_excess(p);
        wake_waiters(p);
    }
}

void pool_move_frames(struct pool *p, struct pool *to)
{
    for (uint32_t i = 0; p->resident > 0 && i < frame_table_count; i++) {
        struct frame *f = &frame_table[i];
        if (f->pool != p)
            continue;
        bool queued = (f->flags & FRAME_QUEUED) != 0;
        if (queued)
            pool_remove(f, false);
        if (f->wired > 0) {
            p->wired--;
            to->wired++;
            to->limit += to->wired_apart;
        }
        pool_uncharge(f);
        pool_charge(to, f);
        if (queued)
            pool_reinsert(f);
    }
    pool_note_excess(to);
}

/* Sampling may have read and cleared the bit already. */
static bool NOINLINE test_clear_tracked(struct frame *f)
{
    bool remembered = page_use_take_accessed(f);
    return rmap_test_clear_accessed(f) || remembered;
}

/* Was f used since a policy last asked, or the pool cleared its bit? */
static inline bool test_clear_accessed(struct frame *f)
{
    return likely(!f->pool->tracked) ? rmap_test_clear_accessed(f) : test_clear_tracked(f);
}

/* The last page that came in loses the accessed bit that its own fault set. */
static void clear_last(struct pool *p)
{
    struct frame *last = p->recent[(p->insertions - 1) % ARRAY_SIZE(p->recent)];
    if (p->insertions > 0 && last->pool == p && (last->flags & FRAME_QUEUED))
        test_clear_accessed(last);
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

static void NOINLINE note_entry(struct pool *p, struct frame *f)
{
    if (p->tracked)
        page_use_enter(f, &p->used, p->time);
    wake_waiters(p);
}

static inline void enqueue(struct frame *f)
{
    struct pool *p = f->pool;
    if (unlikely(f->wired > 0))
        return;
    f->flags |= FRAME_QUEUED;
    p->queued++;
    p->policy->inserted(p->state, f);
    if (unlikely((p->waiters | p->tracked) != 0))
        note_entry(p, f);
}

void pool_insert(struct frame *f)
{
    struct pool *p = f->pool;
    p->recent[p->insertions++ % ARRAY_SIZE(p->recent)] = f;
    f->since = vmstat.pgfault;
    p->expecting = false;
    enqueue(f);
    if (unlikely(p->oracle != NULL))
        p->oracle->now++;
}

enum vm_result pool_count_from_here(struct pool *p)
{
    enum vm_result r = pool_set_policy(p, p->policy, p->seed);
    if (r != VM_OK)
        return r;
    p->counted_from = p->insertions;
    p->touches = 0;
    if (p->oracle != NULL)
        p->oracle->now = 0;
    return VM_OK;
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
    if (unlikely(f->kind == FRAME_CONTIG)) /* it is never evicted anyway, and no pool pays for it */
        return;
    if (f->wired++ > 0)
        return;
    f->pool->wired++;
    f->pool->limit += f->pool->wired_apart;
    if (f->flags & FRAME_QUEUED)
        pool_remove(f, false);
}

void pool_unwire(struct frame *f)
{
    if (unlikely(f->kind == FRAME_CONTIG))
        return;
    ASSERT(f->wired > 0, "pool: frame %#x is not wired", frame_pfn(f).n);
    if (--f->wired > 0)
        return;
    struct pool *p = f->pool;
    p->wired--;
    if (p->wired_apart) {
        p->limit--;
        pool_note_excess(p);
    }
    pool_reinsert(f);
}

void pool_leave(struct frame *from)
{
    const struct pool *p = from->pool;
    if ((from->flags & FRAME_QUEUED) && p->policy->moved == NULL)
        p->policy->removed(p->state, from, false);
}

void pool_arrive(struct frame *from, struct frame *to)
{
    struct pool *p = from->pool;
    to->pool = p;
    to->wired = from->wired;
    to->since = from->since;
    from->pool = NULL;
    from->wired = 0;
    for (uint32_t i = 0; i < ARRAY_SIZE(p->recent); i++)
        if (p->recent[i] == from)
            p->recent[i] = to;
    if (!(to->flags & FRAME_QUEUED))
        return;
    if (p->policy->moved != NULL)
        p->policy->moved(p->state, from, to);
    else
        p->policy->inserted(p->state, to);
    if (p->tracked)
        page_use_move(from, to);
}

void pool_wait(struct pool *p)
{
    pool_get(p);
    p->waiters++;
    wait_on(p);
    p->waiters--;
    pool_put(p);
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
    return test_clear_accessed(f);
}

bool policy_accessed(const struct frame *f)
{
    return rmap_accessed(f) || (unlikely(f->pool->tracked) && page_use_accessed(f));
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

static const struct {
    const char *text;
    enum accessed_mode mode;
} accessed_modes[] = {{"a1", ACCESSED_LEFT}, {"ad", ACCESSED_DEFERRED}};

bool accessed_parse(const char *text, enum accessed_mode *mode)
{
    for (size_t i = 0; i < ARRAY_SIZE(accessed_modes); i++) {
        if (strcmp(accessed_modes[i].text, text) != 0)
            continue;
        *mode = accessed_modes[i].mode;
        return true;
    }
    return false;
}

const char *accessed_name(enum accessed_mode mode)
{
    return accessed_modes[mode].text;
}

/* What the policy needs and a pool like this does not have, of enum policy_needs. */
static uint32_t lacks(const struct policy *policy, bool exact, const struct oracle *oracle)
{
    return policy->needs & ((exact ? 0 : POLICY_NEEDS_TOUCHES) | (oracle != NULL ? 0 : POLICY_NEEDS_ORACLE));
}

bool pool_suits(const struct policy *policy, bool exact, const struct oracle *oracle, struct printer *out)
{
    uint32_t lack = lacks(policy, exact, oracle);
    char sampled[32];
    if (lack == 0)
        return true;
    print(out, "policy %s needs ", policy->name);
    if (lack & POLICY_NEEDS_ORACLE) {
        print(out, "to know the future: only the replay of a trace tells it\n");
        return false;
    }
    print(out, "exact mode: it must see every reference");
    format(sampled, sizeof sampled, "%s-sampled", policy->name);
    if (policy_find(sampled) != NULL)
        print(out, "; %s makes do with accessed bits", sampled);
    print(out, "\n");
    return false;
}

static enum vm_result change_policy(struct pool *p, const struct policy *policy, uint32_t seed,
                                    uint32_t capacity)
{
    struct policy_setup setup = {.capacity = capacity, .seed = seed, .oracle = p->oracle};
    if (lacks(policy, p->exact, p->oracle) != 0)
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
    p->capacity = setup.capacity;
    p->seed = seed;
    set_announces(p);
    return VM_OK;
}

enum vm_result pool_set_policy(struct pool *p, const struct policy *policy, uint32_t seed)
{
    return change_policy(p, policy, seed, pool_competing_limit(p));
}

enum vm_result pool_reserve(struct pool *p, uint32_t capacity)
{
    return capacity > p->capacity ? change_policy(p, p->policy, p->seed, capacity) : VM_OK;
}

void pool_print(const struct pool *p, struct printer *out)
{
    print(out,
          "pool name=%s policy=%s limit=%u resident=%u wired=%u insertions=%u evictions=%u accessed=%s%s\n",
          p->name, p->policy->name, pool_competing_limit(p), p->resident, p->wired, p->insertions,
          p->evictions, accessed_name(p->accessed), p->wired_apart ? " wired=apart" : "");
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
        p->resident > p->limit + p->excess) {
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
    uint32_t user = 0, charged = 0;
    for (uint32_t i = 0; i < frame_table_count; i++)
        user += frame_table[i].kind == FRAME_USER;
    list_for_each (n, &all_pools) {
        struct pool *p = container_of(n, struct pool, link);
        if (!check_pool(p, out))
            return false;
        charged += p->resident;
    }
    if (user != charged)
        print(out, "pools: %u frames hold user pages, %u are charged to a pool that exists\n", user, charged);
    return user == charged;
}
