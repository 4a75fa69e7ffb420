/* SPDX-License-Identifier: MIT
 * Fit trees: free segments in the order of their addresses or sizes, each of which knows the largest below
 * it. What the strategies of fit.h are made of. No memory is allocated here, and nothing recurses. */
#ifndef LIB_FIT_TREE_H
#define LIB_FIT_TREE_H

#include "lib/print.h"
#include "lib/types.h"

/* => size > 0, start + size <= UINTPTR_MAX; segments of one set do not overlap */
struct fit_segment {
    uintptr_t start, size; /* the owner's; while the segment is in a set only to be changed by fit_resize */
    /* the strategy's: a tree's links and the largest size from here down; in a list `left` is the next and
     * `right` the one before */
    struct fit_segment *left, *right, *up;
    uintptr_t most;
};

enum fit_order {
    FIT_BY_START,
    FIT_SMALL_FIRST, /* of equals the lowest first */
    FIT_LARGE_FIRST, /* ... here too */
    FIT_NO_ORDER,    /* not a tree */
};

/* A treap (Seidel and Aragon, Algorithmica 16, 1996): a search tree by `order` and a heap by a hash of where
 * the segment's record lies, so that it is balanced as a random one is, whatever becomes of start and size.
 * Zeroed memory is an empty one by start. */
struct fit_tree {
    struct fit_segment *root;
    enum fit_order order;
};

void fit_tree_insert(struct fit_tree *t, struct fit_segment *s);
void fit_tree_remove(struct fit_tree *t, struct fit_segment *s);

/* Another range for a segment of the tree. => it overlaps no other, and lies between the same two. By start
 * this is cheaper than to remove and insert. */
void fit_tree_resize(struct fit_tree *t, struct fit_segment *s, uintptr_t start, uintptr_t size);

/* What s->most must be. */
static inline uintptr_t fit_tree_most(const struct fit_segment *s)
{
    uintptr_t most = s->size;
    if (s->left != NULL && s->left->most > most)
        most = s->left->most;
    if (s->right != NULL && s->right->most > most)
        most = s->right->most;
    return most;
}

/* The largest size below s may be another. */
static inline void fit_tree_update(struct fit_segment *s)
{
    for (; s != NULL; s = s->up) {
        uintptr_t most = fit_tree_most(s);
        if (most == s->most)
            break;
        s->most = most;
    }
}

/* fit_tree_resize in a tree by start, inline for the strategies that are known to have one. */
static inline void fit_tree_resize_by_start(struct fit_segment *s, uintptr_t start, uintptr_t size)
{
    s->start = start;
    s->size = size;
    fit_tree_update(s);
}

/* In a tree by start: the first segment that ends behind `at`, whether or not it contains it. => or NULL */
struct fit_segment *fit_tree_from(const struct fit_tree *t, uintptr_t at);

/* The first, and the last, of s and those below it that have the size (0: any). => s->most >= size */
struct fit_segment *fit_tree_first(struct fit_segment *s, uintptr_t size);
struct fit_segment *fit_tree_last(struct fit_segment *s, uintptr_t size);

/* The next behind s, and the one before it, that has the size (0: any). => or NULL */
struct fit_segment *fit_tree_next(struct fit_segment *s, uintptr_t size);
struct fit_segment *fit_tree_previous(struct fit_segment *s, uintptr_t size);

/* Is s in the tree? => fit_tree_check said yes */
bool fit_tree_has(const struct fit_tree *t, const struct fit_segment *s);

/* Links, order, heap and largest sizes, and so many segments. => false after printing what is broken of
 * `name`'s tree. */
bool fit_tree_check(const struct fit_tree *t, uint32_t count, const char *name,
                    struct printer *out) MUST_CHECK;

#endif
