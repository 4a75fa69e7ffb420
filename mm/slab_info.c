/* SPDX-License-Identifier: MIT
 * mm-level: 2.04
 * What is in the slabs: their check, and the command that shows and changes them. */
#include "lib/command.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "mm/slab_core.h"

/* => the number of objects on a free list; UINT32_MAX if something on it is none of the slab's */
static uint32_t count_free(struct slab *s, void *first)
{
    const struct slab_layout *l = slab_layout(s);
    uint32_t n = 0;
    for (char *o = first; o != NULL && n <= l->capacity; o = *slab_link(s, o), n++) {
        uint32_t offset = (uint32_t)(o - (char *)slab_object(s, 0));
        if (offset % l->stride != 0 || offset / l->stride >= l->capacity)
            return UINT32_MAX;
    }
    return n;
}

static bool state_fits(const struct slab *s, const struct list_node *list)
{
    const struct slab_cache *c = s->cache;
    switch (s->state) {
    case SLAB_CURRENT:
        return list == NULL;
    case SLAB_EMPTY:
        return list == &c->empty && slab_in_use(s) == 0;
    case SLAB_PARTIAL:
        return list == &c->partial && slab_in_use(s) > 0 && s->free != NULL;
    case SLAB_CLOSED:
        return list == &c->full && slab_in_use(s) > 0 && s->kind != c->kind;
    default:
        return list == &c->full && slab_in_use(s) > 0;
    }
}

static bool frames_know(struct slab *s)
{
    const struct frame *f = frame_of_ptr(slab_memory(s));
    for (uint32_t i = 0; i < 1u << slab_layout(s)->order; i++)
        if (f[i].kind != FRAME_KERNEL || f[i].slab != s)
            return false;
    return true;
}

static bool check_slab(struct slab_cache *c, struct slab *s, const struct list_node *list,
                       struct printer *out)
{
    if (s->cache != c || s->kind < SLAB_PLAIN || s->kind > SLAB_POISONED || !frames_know(s)) {
        print(out, "slab: cache %s, slab %p: it says cache %p, kind %#x, or its frames say something else\n",
              c->name, (void *)s, (void *)s->cache, s->kind);
        return false;
    }
    uint32_t free = count_free(s, s->free), in_use = slab_in_use(s), capacity = slab_layout(s)->capacity;
    if (free == UINT32_MAX || in_use + free != capacity || !state_fits(s, list)) {
        print(out, "slab: cache %s, slab %p: %u in use + %u free of %u, state %u\n", c->name, (void *)s,
              in_use, free, capacity, s->state);
        return false;
    }
    for (uint32_t i = 0; s->kind >= SLAB_GUARDED && i < capacity; i++)
        if (!guard_check(s, slab_object(s, i), out))
            return false;
    return true;
}

struct sums {
    uint32_t slabs, frames, in_use, empties;
};

/* => false after printing what is wrong */
static bool add_slab(struct slab_cache *c, struct slab *s, const struct list_node *list, struct sums *sums,
                     struct printer *out)
{
    if (!check_slab(c, s, list, out))
        return false;
    sums->slabs++;
    sums->frames += 1u << slab_layout(s)->order;
    sums->in_use += slab_in_use(s);
    sums->empties += list == &c->empty;
    return true;
}

static bool add_slabs(struct slab_cache *c, struct sums *sums, struct printer *out)
{
    const struct list_node *lists[] = {&c->partial, &c->full, &c->empty};
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
        list_for_each (n, lists[i])
            if (!add_slab(c, container_of(n, struct slab, link), lists[i], sums, out))
                return false;
    if (c->current != NULL) {
        uint32_t ready = count_free(c->current, c->free);
        if (ready == UINT32_MAX || ready > slab_in_use(c->current)) {
            print(out, "slab: cache %s: what is ready is not of its current slab %p\n", c->name,
                  (void *)c->current);
            return false;
        }
        if (!add_slab(c, c->current, NULL, sums, out))
            return false;
        sums->in_use -= ready;
    }
    return true;
}

static bool check_cache(struct slab_cache *c, struct printer *out)
{
    struct sums sums = {0};
    spin_take(&c->lock);
    bool ok = add_slabs(c, &sums, out);
    if (ok && (sums.slabs != c->slabs || sums.frames != c->frames || sums.empties != c->empties ||
               (c->current == NULL && c->free != NULL))) {
        print(out, "slab: cache %s counts %u slabs, %u of them empty, %u frames; has %u, %u, %u\n", c->name,
              c->slabs, c->empties, c->frames, sums.slabs, sums.empties, sums.frames);
        ok = false;
    }
    spin_release(&c->lock);
    return ok;
}

bool slab_check(struct printer *out)
{
    for (struct slab_cache *c = slab_caches; c != NULL; c = c->next)
        if (!check_cache(c, out))
            return false;
    return true;
}

static uint32_t list_in_use(const struct list_node *list)
{
    uint32_t n = 0;
    list_for_each (s, list)
        n += slab_in_use(container_of(s, struct slab, link));
    return n;
}

uint32_t slab_objects(struct slab_cache *c)
{
    spin_take(&c->lock);
    uint32_t n = list_in_use(&c->partial) + list_in_use(&c->full);
    if (c->current != NULL)
        n += slab_in_use(c->current) - count_free(c->current, c->free);
    spin_release(&c->lock);
    return n;
}

/* All slabs' objects, in use or not. */
static uint32_t room(struct slab_cache *c)
{
    const struct list_node *lists[] = {&c->partial, &c->full, &c->empty};
    uint32_t n = 0;
    spin_take(&c->lock);
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
        list_for_each (s, lists[i])
            n += slab_layout(container_of(s, struct slab, link))->capacity;
    if (c->current != NULL)
        n += slab_layout(c->current)->capacity;
    spin_release(&c->lock);
    return n;
}

/* As Linux's /proc/slabinfo. The layout is that of new slabs; the tunables, which we have not, are 0 in Linux
 * with SLUB, too. */
void slab_print_info(struct printer *out)
{
    print(out, "slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> <objperslab> "
               "<pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> "
               "<num_slabs> <sharedavail>\n");
    for (struct slab_cache *c = slab_caches; c != NULL; c = c->next) {
        const struct slab_layout *l = c->kind >= SLAB_GUARDED ? &c->guarded : &c->plain;
        print(out, "%-17s %6u %6u %6u %4u %4u : tunables %4u %4u %4u : slabdata %6u %6u %6u\n", c->name,
              slab_objects(c), room(c), c->size, l->capacity, 1u << l->order, 0, 0, 0, c->slabs - c->empties,
              c->slabs, 0);
    }
}

bool slab_describe_frame(const struct frame *f, struct printer *out)
{
    struct slab *s = f->slab;
    if (s == NULL)
        return false;
    const struct slab_layout *l = slab_layout(s);
    uint32_t first = frame_pfn(frame_of_ptr(slab_memory(s))).n;
    print(out, "slab of cache %s: %u of %u objects in use, %u bytes each", s->cache->name, slab_in_use(s),
          l->capacity, s->cache->size);
    if (l->order > 0)
        print(out, ", frame %u of %u", frame_pfn(f).n - first, 1u << l->order);
    return true;
}

static int print_all(struct printer *out)
{
    uint32_t frames = 0, empty = 0;
    slab_print_info(out);
    for (struct slab_cache *c = slab_caches; c != NULL; c = c->next) {
        frames += c->frames;
        empty += c->empties;
    }
    print(out, "slabs: frames=%u empty=%u reapable=%u debug=%u\n", frames, empty, slab_reapable(),
          slab_debug());
    print(out, "big: blocks=%u frames=%u\n", kmalloc_big.blocks, kmalloc_big.frames);
    return 0;
}

static int command_run(int argc, char **argv, struct printer *out)
{
    uint32_t level;
    if (argc == 1)
        return print_all(out);
    if (argc == 2 && strcmp(argv[1], "reap") == 0) {
        print(out, "slab: frames=%u given back\n", slab_reap_all());
        return 0;
    }
    if (strcmp(argv[1], "debug") != 0 || argc > 3) {
        print(out, "slab: %s: expected reap, or debug and a level\n", argv[1]);
        return 1;
    }
    if (argc == 3) {
        if (!parse_u32(argv[2], false, &level) || level > SLAB_DEBUG_MAX) {
            print(out, "slab: debug %s: expected 0 to %u\n", argv[2], SLAB_DEBUG_MAX);
            return 1;
        }
        slab_set_debug(level);
    }
    print(out, "slab: debug=%u\n", slab_debug());
    return 0;
}

COMMAND_AT_STOP(slab, "[reap | debug [0-2]]",
                "kernel object caches; give empty slabs back; how to guard new ones", command_run,
                .words = "reap debug");
