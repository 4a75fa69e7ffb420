/* SPDX-License-Identifier: MIT
 * The index of segments: a treap (Seidel and Aragon, Randomized Search Trees, Algorithmica 16, 1996). It is a
 * search tree by address and a heap by random priority, which keeps it about as deep as the logarithm of its
 * size. Each node knows the largest hole below it, so that the first hole that is large enough is found on
 * one way down: the chains alone would have to be walked. */
#include "user/mems/chain.h"
#include "user/rt/random.h"

static uintptr_t largest(const struct segment *s)
{
    return s != NULL ? s->largest : 0;
}

/* What is below s, or s itself, has changed. */
static void update(struct segment *s)
{
    s->largest = MAX(MAX(largest(s->left), largest(s->right)), s->process ? 0 : s->size);
}

/* Takes a tree apart: addresses below `at`, and the others. */
static void split(struct segment *root, uintptr_t at, struct segment **below, struct segment **rest)
{
    if (root == NULL) {
        *below = *rest = NULL;
        return;
    }
    if (root->start < at) {
        *below = root;
        split(root->right, at, &root->right, rest);
    } else {
        *rest = root;
        split(root->left, at, below, &root->left);
    }
    update(root);
}

/* => one tree; all addresses in a are lower than those in b. */
static struct segment *join(struct segment *a, struct segment *b)
{
    if (a == NULL || b == NULL)
        return a != NULL ? a : b;
    struct segment *root = a->priority >= b->priority ? a : b;
    if (root == a)
        a->right = join(a->right, b);
    else
        b->left = join(a, b->left);
    update(root);
    return root;
}

void index_insert(struct segment **root, struct segment *s)
{
    static struct random random = {1};
    struct segment *below, *above;
    s->left = s->right = NULL;
    s->priority = random_next(&random);
    update(s);
    split(*root, s->start, &below, &above);
    *root = join(join(below, s), above);
}

void index_remove(struct segment **root, struct segment *s)
{
    struct segment *below, *from, *above;
    split(*root, s->start, &below, &from);
    split(from, s->start + 1, &from, &above);
    *root = join(below, above);
}

void index_changed(struct segment *root, const struct segment *s)
{
    if (root != s)
        index_changed(s->start < root->start ? root->left : root->right, s);
    update(root);
}

struct segment *index_find(struct segment *root, uintptr_t v)
{
    while (root != NULL && v - root->start >= root->size)
        root = v < root->start ? root->left : root->right;
    return root;
}

struct segment *index_first_hole(struct segment *root, uintptr_t bytes)
{
    if (largest(root) < bytes)
        return NULL;
    for (;;) {
        if (largest(root->left) >= bytes)
            root = root->left;
        else if (!root->process && root->size >= bytes)
            return root;
        else
            root = root->right;
    }
}

/* *expected is the segment that must come next in order of address, in the chains. */
static const char *check(const struct segment *s, const struct segment **expected)
{
    if (s == NULL)
        return NULL;
    uintptr_t hole = s->process ? 0 : s->size;
    if (s->largest != MAX(MAX(largest(s->left), largest(s->right)), hole))
        return "the index does not know the largest hole";
    if ((s->left != NULL && s->left->priority > s->priority) ||
        (s->right != NULL && s->right->priority > s->priority))
        return "the index is no heap";
    const char *wrong = check(s->left, expected);
    if (wrong != NULL)
        return wrong;
    if (s != *expected)
        return "the index and the chains differ";
    *expected = s->next != NULL ? s->next : s->span->next != NULL ? s->span->next->first : NULL;
    return check(s->right, expected);
}

const char *index_check(const struct segment *root, const struct segment *lowest)
{
    const char *wrong = check(root, &lowest);
    return wrong == NULL && lowest != NULL ? "a segment is not in the index" : wrong;
}
