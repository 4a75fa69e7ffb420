/* SPDX-License-Identifier: MIT
 * Fit trees: one treap for all orders. See fit_tree.h. */
#include "lib/fit_tree.h"

/* The place in the heap. Records lie in runs; two rounds of multiplying and folding (constants of the hash
 * "lowbias32", C. Wellons, Hash Prospector, 2018) leave nothing of that. */
static inline uint32_t priority(const struct fit_segment *s)
{
    uint32_t x = (uint32_t)((uintptr_t)s ^ (uint64_t)(uintptr_t)s >> 32);
    x ^= x >> 16;
    x *= 0x7feb352d;
    x ^= x >> 15;
    x *= 0x846ca68b;
    return x ^ x >> 16;
}

static inline bool before(enum fit_order order, const struct fit_segment *a, const struct fit_segment *b)
{
    if (order != FIT_BY_START && a->size != b->size)
        return (a->size < b->size) == (order == FIT_SMALL_FIRST);
    return a->start < b->start;
}

/* Whatever pointed down at `old` points at s, which may be NULL. */
static inline void replace(struct fit_tree *t, struct fit_segment *up, const struct fit_segment *old,
                           struct fit_segment *s)
{
    if (up == NULL)
        t->root = s;
    else if (up->left == old)
        up->left = s;
    else
        up->right = s;
    if (s != NULL)
        s->up = up;
}

/* s and the segment above it change places; the order stays. */
static void rotate_up(struct fit_tree *t, struct fit_segment *s)
{
    struct fit_segment *p = s->up, *inner;
    replace(t, p->up, p, s);
    if (p->left == s) {
        inner = p->left = s->right;
        s->right = p;
    } else {
        inner = p->right = s->left;
        s->left = p;
    }
    if (inner != NULL)
        inner->up = p;
    p->up = s;
    s->most = p->most;
    p->most = fit_tree_most(p);
}

void fit_tree_insert(struct fit_tree *t, struct fit_segment *s)
{
    struct fit_segment *up = NULL, **link = &t->root;
    while (*link != NULL) {
        up = *link;
        if (up->most < s->size)
            up->most = s->size;
        link = before(t->order, s, up) ? &up->left : &up->right;
    }
    *link = s;
    s->left = s->right = NULL;
    s->up = up;
    s->most = s->size;
    uint32_t mine = priority(s);
    while (s->up != NULL && priority(s->up) < mine)
        rotate_up(t, s);
}

void fit_tree_remove(struct fit_tree *t, struct fit_segment *s)
{
    while (s->left != NULL && s->right != NULL)
        rotate_up(t, priority(s->left) > priority(s->right) ? s->left : s->right);
    replace(t, s->up, s, s->left != NULL ? s->left : s->right);
    fit_tree_update(s->up);
}

void fit_tree_resize(struct fit_tree *t, struct fit_segment *s, uintptr_t start, uintptr_t size)
{
    if (t->order == FIT_BY_START) {
        fit_tree_resize_by_start(s, start, size);
        return;
    }
    fit_tree_remove(t, s);
    s->start = start;
    s->size = size;
    fit_tree_insert(t, s);
}

struct fit_segment *fit_tree_from(const struct fit_tree *t, uintptr_t at)
{
    struct fit_segment *found = NULL;
    for (struct fit_segment *s = t->root; s != NULL;) {
        if (s->start + s->size > at) {
            found = s;
            s = s->left;
        } else {
            s = s->right;
        }
    }
    return found;
}

struct fit_segment *fit_tree_first(struct fit_segment *s, uintptr_t size)
{
    for (;;) {
        if (s->left != NULL && s->left->most >= size)
            s = s->left;
        else if (s->size >= size)
            return s;
        else
            s = s->right;
    }
}

struct fit_segment *fit_tree_last(struct fit_segment *s, uintptr_t size)
{
    for (;;) {
        if (s->right != NULL && s->right->most >= size)
            s = s->right;
        else if (s->size >= size)
            return s;
        else
            s = s->left;
    }
}

struct fit_segment *fit_tree_next(struct fit_segment *s, uintptr_t size)
{
    do {
        if (s->right != NULL && s->right->most >= size)
            return fit_tree_first(s->right, size);
        while (s->up != NULL && s->up->right == s)
            s = s->up;
        s = s->up;
    } while (s != NULL && s->size < size);
    return s;
}

struct fit_segment *fit_tree_previous(struct fit_segment *s, uintptr_t size)
{
    do {
        if (s->left != NULL && s->left->most >= size)
            return fit_tree_last(s->left, size);
        while (s->up != NULL && s->up->left == s)
            s = s->up;
        s = s->up;
    } while (s != NULL && s->size < size);
    return s;
}

bool fit_tree_has(const struct fit_tree *t, const struct fit_segment *s)
{
    const struct fit_segment *at = t->root;
    while (at != NULL && at != s)
        at = before(t->order, s, at) ? at->left : at->right;
    return at != NULL;
}

static bool check_node(const struct fit_tree *t, const struct fit_segment *s, const char *name,
                       struct printer *out)
{
    const struct fit_segment *below[] = {s->left, s->right};
    for (size_t i = 0; i < ARRAY_SIZE(below); i++) {
        if (below[i] == NULL || (below[i]->up == s && priority(below[i]) <= priority(s)))
            continue;
        print(out, "fit: %s: the segment at %#zx does not belong below the one at %#zx\n", name,
              (size_t)below[i]->start, (size_t)s->start);
        return false;
    }
    if (s->up == NULL && t->root != s) {
        print(out, "fit: %s: the segment at %#zx has nothing above it, and is not the root\n", name,
              (size_t)s->start);
        return false;
    }
    if (s->most != fit_tree_most(s)) {
        print(out, "fit: %s: the segment at %#zx says %#zx is the largest size below; it is %#zx\n", name,
              (size_t)s->start, (size_t)s->most, (size_t)fit_tree_most(s));
        return false;
    }
    return true;
}

static bool check_order(const struct fit_tree *t, const struct fit_segment *s, const struct fit_segment *next,
                        const char *name, struct printer *out)
{
    bool apart = t->order != FIT_BY_START || s->start + s->size <= next->start;
    if (before(t->order, s, next) && apart)
        return true;
    print(out, "fit: %s: %#zx + %#zx comes before %#zx + %#zx\n", name, (size_t)s->start, (size_t)s->size,
          (size_t)next->start, (size_t)next->size);
    return false;
}

bool fit_tree_check(const struct fit_tree *t, uint32_t count, const char *name, struct printer *out)
{
    uint32_t found = 0;
    struct fit_segment *s = t->root != NULL ? fit_tree_first(t->root, 0) : NULL;
    while (s != NULL && found++ < count) {
        if (!check_node(t, s, name, out))
            return false;
        struct fit_segment *next = fit_tree_next(s, 0);
        if (next != NULL && !check_order(t, s, next, name, out))
            return false;
        s = next;
    }
    if (found == count && s == NULL)
        return true;
    print(out, "fit: %s: %u segments are counted, the tree has %s\n", name, count,
          found < count ? "fewer" : "more");
    return false;
}
