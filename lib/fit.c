/* SPDX-License-Identifier: MIT
 * Strategies over sets of free segments: a tree for five of them, lists of powers of two for the sixth. See
 * fit.h. */
#include "lib/fit.h"
#include "lib/string.h"

/* ---- where in a segment ---- */

static inline bool fits_low(const struct fit_segment *s, const struct fit_want *want, uintptr_t *at)
{
    uintptr_t from = MAX(s->start, want->min), end = MIN(s->start + s->size, want->max);
    *at = ALIGN_UP(from, want->align);
    return *at >= from && *at <= end && end - *at >= want->size;
}

static inline bool fits_high(const struct fit_segment *s, const struct fit_want *want, uintptr_t *at)
{
    uintptr_t from = MAX(s->start, want->min), end = MIN(s->start + s->size, want->max);
    if (end < want->size)
        return false;
    *at = ALIGN_DOWN(end - want->size, want->align);
    return *at >= from;
}

/* ---- strategies over a tree ---- */

static void tree_insert(struct fit_set *set, struct fit_segment *s)
{
    fit_tree_insert(&set->tree, s);
    set->count++;
}

static void tree_remove(struct fit_set *set, struct fit_segment *s)
{
    fit_tree_remove(&set->tree, s);
    set->count--;
}

static void by_start_resize(struct fit_set *set UNUSED, struct fit_segment *s, uintptr_t start,
                            uintptr_t size)
{
    fit_tree_resize_by_start(s, start, size);
}

static void by_size_resize(struct fit_set *set, struct fit_segment *s, uintptr_t start, uintptr_t size)
{
    fit_tree_resize(&set->tree, s, start, size);
}

static bool has_size(const struct fit_tree *t, uintptr_t size)
{
    return t->root != NULL && t->root->most >= size;
}

static struct fit_segment *pick_first(struct fit_set *set, const struct fit_want *want, uintptr_t *at)
{
    if (!has_size(&set->tree, want->size))
        return NULL;
    struct fit_segment *s;
    if (want->min == 0)
        s = fit_tree_first(set->tree.root, want->size);
    else if ((s = fit_tree_from(&set->tree, want->min)) != NULL && s->size < want->size)
        s = fit_tree_next(s, want->size);
    for (; s != NULL && s->start < want->max; s = fit_tree_next(s, want->size))
        if (fits_low(s, want, at))
            return s;
    return NULL;
}

static struct fit_segment *pick_last(struct fit_set *set, const struct fit_want *want, uintptr_t *at)
{
    if (!has_size(&set->tree, want->size))
        return NULL;
    struct fit_segment *s = NULL;
    if (want->max != UINTPTR_MAX) /* the one across the bound, or the first behind it: to be passed over */
        s = fit_tree_from(&set->tree, want->max);
    if (s == NULL)
        s = fit_tree_last(set->tree.root, want->size);
    for (; s != NULL && s->start + s->size > want->min; s = fit_tree_previous(s, want->size))
        if (fits_high(s, want, at))
            return s;
    return NULL;
}

static struct fit_segment *pick_next(struct fit_set *set, const struct fit_want *want, uintptr_t *at)
{
    struct fit_want behind = *want;
    behind.min = MAX(want->min, set->rover);
    struct fit_segment *s = pick_first(set, &behind, at);
    if (s == NULL && behind.min > want->min)
        s = pick_first(set, want, at);
    if (s != NULL)
        set->rover = *at + want->size;
    return s;
}

static struct fit_segment *pick_best(struct fit_set *set, const struct fit_want *want, uintptr_t *at)
{
    struct fit_segment *smallest = NULL;
    for (struct fit_segment *s = set->tree.root; s != NULL;) {
        if (s->size >= want->size) {
            smallest = s;
            s = s->left;
        } else {
            s = s->right;
        }
    }
    for (struct fit_segment *s = smallest; s != NULL; s = fit_tree_next(s, 0))
        if (fits_low(s, want, at))
            return s;
    return NULL;
}

static struct fit_segment *pick_worst(struct fit_set *set, const struct fit_want *want, uintptr_t *at)
{
    struct fit_segment *s = set->tree.root != NULL ? fit_tree_first(set->tree.root, 0) : NULL;
    for (; s != NULL && s->size >= want->size; s = fit_tree_next(s, 0))
        if (fits_low(s, want, at))
            return s;
    return NULL;
}

/* ---- instant fit ---- */

enum { TOP_BIT = FIT_LISTS - 1 };

_Static_assert(sizeof(long) == sizeof(uintptr_t), "the compiler's bit functions for long take a uintptr_t");

/* The greatest i with 2^i <= size. => size > 0 */
static inline uint32_t floor_log2(uintptr_t size)
{
    return TOP_BIT ^ (uint32_t)__builtin_clzl(size);
}

static void list_insert(struct fit_set *set, struct fit_segment *s)
{
    uint32_t i = floor_log2(s->size);
    s->right = NULL;
    s->left = set->list[i];
    if (s->left != NULL)
        s->left->right = s;
    set->list[i] = s;
    set->lists |= (uintptr_t)1 << i;
    set->count++;
}

static void list_take(struct fit_set *set, struct fit_segment *s)
{
    uint32_t i = floor_log2(s->size);
    if (s->left != NULL)
        s->left->right = s->right;
    if (s->right != NULL)
        s->right->left = s->left;
    else if ((set->list[i] = s->left) == NULL)
        set->lists &= ~((uintptr_t)1 << i);
    set->count--;
}

static void list_resize(struct fit_set *set, struct fit_segment *s, uintptr_t start, uintptr_t size)
{
    bool moves = floor_log2(s->size) != floor_log2(size);
    if (moves)
        list_take(set, s);
    s->start = start;
    s->size = size;
    if (moves)
        list_insert(set, s);
}

static struct fit_segment *search_lists(struct fit_set *set, const struct fit_want *want, uintptr_t *at)
{
    for (uint32_t i = floor_log2(want->size); i < FIT_LISTS; i++)
        for (struct fit_segment *s = set->list[i]; s != NULL; s = s->left)
            if (fits_low(s, want, at))
                return s;
    return NULL;
}

static struct fit_segment *pick_instant(struct fit_set *set, const struct fit_want *want, uintptr_t *at)
{
    uintptr_t sure = want->size + want->align - 1; /* that much has room wherever it starts */
    uint32_t i = sure > 1 ? floor_log2(sure - 1) + 1 : 0;
    uintptr_t lists = sure >= want->size && i < FIT_LISTS ? set->lists >> i << i : 0;
    if (lists == 0 || want->min != 0 || want->max != UINTPTR_MAX)
        return search_lists(set, want, at);
    struct fit_segment *s = set->list[__builtin_ctzl(lists)];
    *at = ALIGN_UP(s->start, want->align);
    return s;
}

static bool check_lists(const struct fit_set *set, struct printer *out)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < FIT_LISTS; i++) {
        if ((set->list[i] != NULL) != (set->lists >> i & 1)) {
            print(out, "fit: instant: list %u and its bit differ\n", i);
            return false;
        }
        const struct fit_segment *last = NULL;
        for (const struct fit_segment *s = set->list[i]; s != NULL && found <= set->count; s = s->left) {
            if (s->right != last || s->size == 0 || floor_log2(s->size) != i) {
                print(out, "fit: instant: %#zx + %#zx does not belong where it is in list %u\n",
                      (size_t)s->start, (size_t)s->size, i);
                return false;
            }
            last = s;
            found++;
        }
    }
    if (found == set->count)
        return true;
    print(out, "fit: instant: %u segments are counted, the lists have %s\n", set->count,
          found < set->count ? "fewer" : "more");
    return false;
}

/* ---- sets ---- */

const struct fit fit_first = {.name = "first",
                              .summary = "the lowest address that fits",
                              .order = FIT_BY_START,
                              .insert = tree_insert,
                              .remove = tree_remove,
                              .resize = by_start_resize,
                              .pick = pick_first};
const struct fit fit_last = {.name = "last",
                             .summary = "the highest address that fits, as Linux's mmap",
                             .order = FIT_BY_START,
                             .insert = tree_insert,
                             .remove = tree_remove,
                             .resize = by_start_resize,
                             .pick = pick_last};
const struct fit fit_next = {.name = "next",
                             .summary = "the lowest address behind the last allocation",
                             .order = FIT_BY_START,
                             .insert = tree_insert,
                             .remove = tree_remove,
                             .resize = by_start_resize,
                             .pick = pick_next};
const struct fit fit_best = {.name = "best",
                             .summary = "the smallest segment that fits",
                             .order = FIT_SMALL_FIRST,
                             .insert = tree_insert,
                             .remove = tree_remove,
                             .resize = by_size_resize,
                             .pick = pick_best};
const struct fit fit_worst = {.name = "worst",
                              .summary = "the largest segment",
                              .order = FIT_LARGE_FIRST,
                              .insert = tree_insert,
                              .remove = tree_remove,
                              .resize = by_size_resize,
                              .pick = pick_worst};
const struct fit fit_instant = {.name = "instant",
                                .summary = "any segment of a power of two that surely fits",
                                .order = FIT_NO_ORDER,
                                .insert = list_insert,
                                .remove = list_take,
                                .resize = list_resize,
                                .pick = pick_instant};

const struct fit *const fit_table[] = {&fit_first, &fit_last, &fit_next, &fit_best, &fit_worst, &fit_instant};
const uint32_t fit_count = ARRAY_SIZE(fit_table);

const struct fit *fit_find(const char *name)
{
    for (uint32_t i = 0; i < fit_count; i++)
        if (strcmp(fit_table[i]->name, name) == 0)
            return fit_table[i];
    return NULL;
}

void fit_names(struct printer *out)
{
    for (uint32_t i = 0; i < fit_count; i++)
        print(out, "%s%s", i > 0 ? " " : "", fit_table[i]->name);
}

void fit_init(struct fit_set *set, const struct fit *fit)
{
    memset(set, 0, sizeof *set);
    set->fit = fit;
    set->tree.order = fit->order;
}

uintptr_t fit_largest(const struct fit_set *set)
{
    uintptr_t most = 0;
    if (set->fit->order != FIT_NO_ORDER)
        return set->tree.root != NULL ? set->tree.root->most : 0;
    if (set->lists == 0)
        return 0;
    for (const struct fit_segment *s = set->list[floor_log2(set->lists)]; s != NULL; s = s->left)
        most = MAX(most, s->size);
    return most;
}

bool fit_has(const struct fit_set *set, const struct fit_segment *s)
{
    if (set->fit->order == FIT_NO_ORDER)
        return s->right != NULL ? s->right->left == s : set->list[floor_log2(s->size)] == s;
    return fit_tree_has(&set->tree, s);
}

bool fit_check(const struct fit_set *set, struct printer *out)
{
    if (set->fit->order == FIT_NO_ORDER)
        return check_lists(set, out);
    return fit_tree_check(&set->tree, set->count, set->fit->name, out);
}

uintptr_t fit_round(uintptr_t size)
{
    if (size <= 1)
        return 1;
    uint32_t i = floor_log2(size - 1) + 1;
    return i < FIT_LISTS ? (uintptr_t)1 << i : 0;
}
