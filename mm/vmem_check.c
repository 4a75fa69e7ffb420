/* SPDX-License-Identifier: MIT
 * mm-level: 2.12
 * The invariants of arenas. */
#include "mm/vmem.h"
#include "mm/vmem_arena.h"

/* What a walk over the tags has seen. */
struct seen {
    const struct tag *span; /* the last one */
    uintptr_t at;           /* where its next segment should start */
    struct vmem_figures n;
};

static bool check_span(const struct vmem *a, const struct tag *t, struct seen *seen, struct printer *out)
{
    if (seen->span != NULL && (seen->at != end_of(seen->span) || t->seg.start < seen->at)) {
        print(out, "vmem %s: the span %#zx + %#zx is tiled up to %#zx, then comes %#zx\n", a->name,
              (size_t)seen->span->seg.start, (size_t)seen->span->seg.size, (size_t)seen->at,
              (size_t)t->seg.start);
        return false;
    }
    if (t->imported && (a->source == NULL || vmem_size(a->source, t->seg.start) != t->seg.size)) {
        print(out, "vmem %s: the span %#zx + %#zx is imported, but its source does not know\n", a->name,
              (size_t)t->seg.start, (size_t)t->seg.size);
        return false;
    }
    seen->span = t;
    seen->at = t->seg.start;
    seen->n.spans++;
    seen->n.total += t->seg.size;
    return true;
}

static bool check_segment(const struct vmem *a, const struct tag *t, struct seen *seen, struct printer *out)
{
    const struct tag *before = container_of(t->link.prev, struct tag, link);
    const char *wrong = NULL;
    if (seen->span == NULL || t->seg.start != seen->at || t->seg.size > end_of(seen->span) - seen->at)
        wrong = "does not tile its span";
    else if (t->seg.size == 0 || ((t->seg.start | t->seg.size) & (a->quantum - 1)) != 0)
        wrong = "is not of whole quanta";
    else if (t->kind == VMEM_FREE && before->kind == VMEM_FREE)
        wrong = "is free, and so is the one before it";
    else if (t->kind == VMEM_FREE && !fit_has(&a->holes, &t->seg))
        wrong = "is free, but its strategy does not know";
    else if (t->kind == VMEM_FREE && before->imported && before->seg.size == t->seg.size)
        wrong = "is all of an imported span";
    else if (t->kind == VMEM_FREE && a->has_places &&
             (t->place.start != t->seg.start || t->place.size != t->seg.size))
        wrong = "is free, but filed elsewhere";
    else if (t->kind == VMEM_USED && *find_used(a, t->seg.start) != t)
        wrong = "is allocated, but not in the hash table";
    if (wrong != NULL) {
        print(out, "vmem %s: the segment %#zx + %#zx %s\n", a->name, (size_t)t->seg.start,
              (size_t)t->seg.size, wrong);
        return false;
    }
    seen->at = end_of(t);
    seen->n.allocated += t->kind == VMEM_USED;
    seen->n.holes += t->kind == VMEM_FREE;
    seen->n.free += t->kind == VMEM_FREE ? t->seg.size : 0;
    return true;
}

static bool check_counts(const struct vmem *a, const struct seen *seen, struct printer *out)
{
    uint32_t hashed = 0, spare = 0;
    for (uint32_t i = 0; i < 1u << a->bucket_bits; i++)
        for (const struct tag *t = a->buckets[i]; t != NULL && hashed <= a->n.allocated; t = t->next)
            hashed++;
    for (const struct tag *t = a->spare; t != NULL && spare <= a->spares; t = t->next)
        spare++;
    const struct vmem_figures *n = &seen->n;
    if (n->total == a->n.total && n->free == a->n.free && n->spans == a->n.spans &&
        n->allocated == a->n.allocated && n->holes == a->holes.count && hashed == n->allocated &&
        spare == a->spares)
        return true;
    print(out,
          "vmem %s: counted total %#zx, free %#zx, %u spans, %u allocated, %u holes, %u spare; there are "
          "%#zx, %#zx, %u, %u (%u in the hash table), %u, %u\n",
          a->name, (size_t)a->n.total, (size_t)a->n.free, a->n.spans, a->n.allocated, a->holes.count,
          a->spares, (size_t)n->total, (size_t)n->free, n->spans, n->allocated, hashed, n->holes, spare);
    return false;
}

static bool check_tags(const struct vmem *a, struct printer *out)
{
    struct seen seen = {.span = NULL};
    for (const struct list_node *n = a->ends.link.next; n != &a->ends.link; n = n->next) {
        const struct tag *t = container_of(n, struct tag, link);
        if (n->next->prev != n) {
            print(out, "vmem %s: the list of tags is broken at %#zx\n", a->name, (size_t)t->seg.start);
            return false;
        }
        if (!(t->kind == VMEM_SPAN ? check_span(a, t, &seen, out) : check_segment(a, t, &seen, out)))
            return false;
    }
    if (seen.span != NULL && seen.at != end_of(seen.span)) {
        print(out, "vmem %s: the span %#zx + %#zx is tiled up to %#zx only\n", a->name,
              (size_t)seen.span->seg.start, (size_t)seen.span->seg.size, (size_t)seen.at);
        return false;
    }
    return check_counts(a, &seen, out);
}

bool vmem_check(const struct vmem *a, struct printer *out)
{
    spin_take(lock_of(a));
    bool ok = fit_check(&a->holes, out) && check_tags(a, out) &&
              fit_tree_check(&a->spans, a->n.spans, "spans", out) &&
              (!a->has_places || fit_tree_check(&a->places, a->holes.count, "places", out));
    spin_release(lock_of(a));
    if (!ok)
        print(out, "vmem %s: broken\n", a->name);
    return ok;
}

static bool check_one(struct vmem *a, void *out)
{
    return vmem_check(a, out);
}

bool vmem_check_all(struct printer *out)
{
    return vmem_each(check_one, out);
}
