/* SPDX-License-Identifier: MIT
 * The model of strategies. */
#include "tests/host/fit_model.h"

/* Where in the segment the allocation starts. => false: it does not fit */
static bool place(const struct fit_model *s, const struct fit_want *want, bool high, uintptr_t *at)
{
    uintptr_t from = MAX(s->start, want->min), end = MIN(s->start + s->size, want->max);
    if (from >= end || end - from < want->size)
        return false;
    *at = high ? (end - want->size) / want->align * want->align
               : (from + want->align - 1) / want->align * want->align;
    return *at >= from && *at <= end - want->size;
}

/* The list of instant fit that a segment is in; round_up: the first all of whose segments have the size. */
static int list_of(uintptr_t size, bool round_up)
{
    int i = 0;
    while (i < FIT_LISTS - 1 && (round_up ? (uintptr_t)1 << i < size : (uintptr_t)2 << i <= size))
        i++;
    return i;
}

/* Does instant fit take a rather than b? */
static bool instant_prefers(const struct fit_model *a, const struct fit_model *b, bool sure, int least)
{
    int la = list_of(a->size, false), lb = list_of(b->size, false);
    if (sure && (la >= least) != (lb >= least))
        return la >= least;
    return la != lb ? la < lb : a->stamp > b->stamp;
}

static bool prefers(const struct fit *fit, const struct fit_model *a, const struct fit_model *b,
                    const struct fit_want *want)
{
    if (fit == &fit_last)
        return a->start > b->start;
    if (fit == &fit_best && a->size != b->size)
        return a->size < b->size;
    if (fit == &fit_worst && a->size != b->size)
        return a->size > b->size;
    if (fit == &fit_instant)
        return instant_prefers(a, b, want->min == 0 && want->max == UINTPTR_MAX,
                               list_of(want->size + want->align - 1, true));
    return a->start < b->start;
}

static int choose(const struct fit *fit, const struct fit_model *segments, int count,
                  const struct fit_want *want, uintptr_t *at)
{
    int chosen = FIT_NOWHERE;
    for (int i = 0; i < count; i++) {
        uintptr_t where;
        if (!place(&segments[i], want, fit == &fit_last, &where))
            continue;
        if (chosen != FIT_NOWHERE && !prefers(fit, &segments[i], &segments[chosen], want))
            continue;
        chosen = i;
        *at = where;
    }
    return chosen;
}

int fit_model_pick(const struct fit *fit, const struct fit_model *segments, int count,
                   const struct fit_want *want, uintptr_t rover, int chosen, uintptr_t *at)
{
    int best = FIT_NOWHERE;
    if (fit == &fit_next) {
        struct fit_want behind = *want;
        behind.min = MAX(want->min, rover);
        best = choose(fit, segments, count, &behind, at);
    }
    if (best == FIT_NOWHERE)
        best = choose(fit, segments, count, want, at);
    bool any = fit == &fit_instant && best != FIT_NOWHERE && segments[best].stamp == 0;
    if (any && chosen != FIT_NOWHERE && place(&segments[chosen], want, false, at) &&
        list_of(segments[chosen].size, false) == list_of(segments[best].size, false))
        return chosen;
    return best;
}
