/* SPDX-License-Identifier: MIT
 * Fuzzes an arena under every strategy, and one that imports from it, against a model that knows of each
 * quantum whose it is and looks for the right hole by going through all of them. */
#include "lib/string.h"
#include "mm/slab.h"
#include "mm/vmem.h"
#include "tests/fuzz/fuzz.h"

enum {
    QUANTUM = 8,
    SPACE = 640, /* quanta; what is wanted is given in quanta, too */
    MAX_SIZE = 48,
    MAX_SPAN = 96,
    IMPORT = 32,    /* by the child */
    MAX_CHILD = 64, /* blocks of the child */
    FRAMES = 64,
};

static struct {
    bool in_span[SPACE], first_of_span[SPACE];
    uint16_t size[SPACE]; /* of the allocated segment that starts here, 0: none does */
    bool used[SPACE];
    uint16_t held[SPACE], count; /* starts of those that this program allocated */
    struct child_block {
        uint32_t start, size; /* numbers */
    } child[MAX_CHILD];
    uint32_t child_count;
} model;

static struct vmem *arena, *child;

/* ---- the model ---- */

struct hole {
    uint32_t start, size;
};

/* The hole behind `at`, which is 0 or the last one's end. => false when there are no more */
static bool next_hole(uint32_t at, struct hole *h)
{
    while (at < SPACE && (!model.in_span[at] || model.used[at]))
        at++;
    h->start = at;
    while (at < SPACE && model.in_span[at] && !model.used[at] && (at == h->start || !model.first_of_span[at]))
        at++;
    h->size = at - h->start;
    return h->size > 0;
}

struct want {
    uint32_t size, align, min, max; /* max: exclusive */
};

/* The lowest and the highest place for it in the hole. => false if it does not fit */
static bool places(const struct hole *h, const struct want *w, uint32_t *low, uint32_t *high)
{
    uint32_t end = MIN(h->start + h->size, w->max);
    *low = ALIGN_UP(MAX(h->start, w->min), w->align);
    if (end < w->size)
        return false;
    *high = ALIGN_DOWN(end - w->size, w->align);
    return *low <= *high && *low + w->size <= end;
}

static uint32_t power(uint32_t size)
{
    return 31 - (uint32_t)__builtin_clz(size);
}

/* Is hole b, which is behind a, to be preferred? */
static bool better(const struct fit *fit, const struct hole *a, const struct hole *b)
{
    return (fit == &fit_best && b->size < a->size) || (fit == &fit_worst && b->size > a->size) ||
           fit == &fit_last;
}

/* Where it belongs: by next and instant fit any hole that it fits is right. => false: nowhere */
static bool right_place(const struct fit *fit, const struct want *w, uint32_t *at)
{
    struct hole h, chosen = {0, 0};
    uint32_t low, high;
    for (uint32_t from = 0; next_hole(from, &h); from = h.start + h.size) {
        if (places(&h, w, &low, &high) && (chosen.size == 0 || better(fit, &chosen, &h))) {
            chosen = h;
            *at = fit == &fit_last ? high : low;
        }
    }
    return chosen.size > 0;
}

static struct hole hole_of(uint32_t at)
{
    struct hole h = {0, 0};
    for (uint32_t from = 0; next_hole(from, &h) && h.start + h.size <= at;)
        from = h.start + h.size;
    return h;
}

/* Instant fit takes the smallest power of two that surely fits, if there is any. */
static void check_instant(const struct want *w, uint32_t at)
{
    uint32_t sure = power(2 * w->size - 1), least = UINT32_MAX; /* rounded up */
    struct hole h;
    for (uint32_t from = 0; next_hole(from, &h); from = h.start + h.size)
        if (power(h.size) >= sure)
            least = MIN(least, power(h.size));
    ASSERT(least == UINT32_MAX || power(hole_of(at).size) == least,
           "fuzz: instant fit: %u quanta from a hole of %u, and not of 2^%u", w->size, hole_of(at).size,
           least);
}

static void take(uint32_t at, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++) {
        ASSERT(at + i < SPACE && model.in_span[at + i] && !model.used[at + i] &&
                   (i == 0 || !model.first_of_span[at + i]),
               "fuzz: quantum %u of %u + %u is not free", at + i, at, size);
        model.used[at + i] = true;
    }
    model.size[at] = (uint16_t)size;
}

static void give_back(uint32_t at)
{
    for (uint32_t i = 0; i < model.size[at]; i++)
        model.used[at + i] = false;
    model.size[at] = 0;
}

static void hold(uint32_t at, uint32_t size)
{
    take(at, size);
    model.held[model.count++] = (uint16_t)at;
}

/* ---- operations; numbers are quanta times QUANTUM ---- */

static uint32_t quanta(uintptr_t n)
{
    ASSERT(n % QUANTUM == 0 && n / QUANTUM < SPACE, "fuzz: %zu is no number of the arena's", (size_t)n);
    return (uint32_t)(n / QUANTUM);
}

static void alloc(const struct want *w, bool plain)
{
    const struct fit *fit = vmem_fit(arena);
    const struct fit_want want = {w->size * QUANTUM - (plain ? QUANTUM / 2 : 0), w->align * QUANTUM,
                                  w->min * QUANTUM, w->max == UINT32_MAX ? UINTPTR_MAX : w->max * QUANTUM};
    uint32_t at = 0;
    uintptr_t start, found = 0;
    bool must = right_place(fit, w, &at);
    enum vm_result r = plain ? VM_OK : vmem_find(arena, &want, &found);
    ASSERT(plain || r == (must ? VM_OK : VM_NO_MEMORY), "fuzz: vmem_find says %d", r);
    r = plain ? vmem_alloc(arena, want.size, &start) : vmem_alloc_want(arena, &want, &start);
    ASSERT(r == (must ? VM_OK : VM_NO_MEMORY), "fuzz: %u quanta under %s: %d", w->size, fit->name, r);
    if (r != VM_OK)
        return;
    ASSERT(plain || fit == &fit_next || found == start, "fuzz: found %zu, got %zu", (size_t)found,
           (size_t)start);
    if (fit == &fit_next || fit == &fit_instant) {
        at = quanta(start);
        ASSERT(at % w->align == 0 && at >= w->min && at + w->size <= w->max, "fuzz: %u quanta at %u", w->size,
               at);
        if (fit == &fit_instant && plain)
            check_instant(w, at);
    }
    ASSERT(quanta(start) == at, "fuzz: %u quanta under %s at %u, not %u", w->size, fit->name, quanta(start),
           at);
    hold(at, w->size);
}

static void alloc_at(uint32_t at, uint32_t size)
{
    struct hole h = hole_of(at);
    bool must = h.size > 0 && h.start <= at && at + size <= h.start + h.size;
    enum vm_result r = vmem_alloc_at(arena, at * QUANTUM, size * QUANTUM);
    ASSERT(r == (must ? VM_OK : VM_EXISTS), "fuzz: alloc_at %u + %u: %d", at, size, r);
    if (must)
        hold(at, size);
}

static void free_held(uint32_t i)
{
    uint32_t at = model.held[i], size = model.size[at];
    vmem_free(arena, at * QUANTUM, size * QUANTUM - size % 2); /* rounded or not */
    give_back(at);
    model.held[i] = model.held[--model.count];
}

static void split(uint32_t at, uint32_t where)
{
    uint32_t size = model.size[at], low = 1 + where % size;
    if (low == size)
        return;
    enum vm_result r = vmem_split(arena, at * QUANTUM, (at + low) * QUANTUM);
    ASSERT(r == VM_OK, "fuzz: split of %u + %u: %d", at, size, r);
    model.size[at] = (uint16_t)low;
    model.size[at + low] = (uint16_t)(size - low);
    model.held[model.count++] = (uint16_t)(at + low);
}

static void join(uint32_t at)
{
    uint32_t behind = at + model.size[at], i = 0;
    while (i < model.count && model.held[i] != behind)
        i++;
    if (i == model.count || model.first_of_span[behind])
        return; /* nothing there, or not this program's */
    vmem_join(arena, at * QUANTUM);
    model.size[at] = (uint16_t)(model.size[at] + model.size[behind]);
    model.size[behind] = 0;
    model.held[i] = model.held[--model.count];
}

static void add_span(uint32_t at, uint32_t size)
{
    bool overlaps = false;
    for (uint32_t i = at; i < MIN(at + size, (uint32_t)SPACE); i++)
        overlaps |= model.in_span[i];
    if (at + size > SPACE)
        return;
    enum vm_result r = vmem_add(arena, at * QUANTUM, size * QUANTUM);
    ASSERT(r == (size == 0  ? VM_INVALID
                 : overlaps ? VM_EXISTS
                            : VM_OK),
           "fuzz: span %u + %u: %d", at, size, r);
    if (r != VM_OK)
        return;
    for (uint32_t i = at; i < at + size; i++)
        model.in_span[i] = true;
    model.first_of_span[at] = true;
}

/* ---- the child: what it imports is not predicted, but read from its spans ---- */

static bool forget_spans(const struct vmem_segment *s, void *arg UNUSED)
{
    if (s->kind == VMEM_SPAN)
        give_back(quanta(s->start));
    return true;
}

static bool learn_span(const struct vmem_segment *s, void *arg UNUSED)
{
    if (s->kind == VMEM_SPAN)
        take(quanta(s->start), (uint32_t)s->size / QUANTUM);
    return true;
}

static bool is_tiled(const struct vmem_segment *s, void *used)
{
    bool known = s->kind != VMEM_USED;
    for (uint32_t i = 0; i < model.child_count && !known; i++)
        known = model.child[i].start == s->start && model.child[i].size == s->size;
    *(uint32_t *)used += s->kind == VMEM_USED;
    return known;
}

static void child_alloc(uint32_t size)
{
    uintptr_t start;
    if (model.child_count == MAX_CHILD)
        return;
    struct vmem_figures before = vmem_figures(child);
    uint32_t at;
    bool import = right_place(&fit_first, &(struct want){size, 1, 0, UINT32_MAX}, &at);
    vmem_walk(child, forget_spans, NULL);
    enum vm_result r = vmem_alloc(child, size * QUANTUM, &start);
    ASSERT((r == VM_OK) == (before.largest >= size * QUANTUM || import), "fuzz: the child's %u quanta: %d",
           size, r);
    vmem_walk(child, learn_span, NULL);
    if (r != VM_OK)
        return;
    ASSERT(before.largest < size * QUANTUM || vmem_figures(child).spans == before.spans,
           "fuzz: needless import");
    model.child[model.child_count++] = (struct child_block){(uint32_t)start, size * QUANTUM};
}

static void child_free(uint32_t i)
{
    vmem_walk(child, forget_spans, NULL);
    vmem_free(child, model.child[i].start, model.child[i].size);
    vmem_walk(child, learn_span, NULL);
    model.child[i] = model.child[--model.child_count];
}

/* ---- checks ---- */

/* Each segment is the model's: *arg is where the last one ended. */
static bool is_model(const struct vmem_segment *s, void *arg)
{
    uint32_t *end = arg, at = quanta(s->start), size = (uint32_t)s->size / QUANTUM;
    if (s->kind == VMEM_SPAN) {
        *end = at;
        return model.first_of_span[at];
    }
    bool ok = at == *end && (s->kind == VMEM_USED ? model.size[at] == size : hole_of(at).size == size);
    *end = at + size;
    return ok && model.used[at] == (s->kind == VMEM_USED);
}

static void check(void)
{
    uint32_t end = 0, used = 0, free = 0, in_spans = 0;
    ASSERT(vmem_check_all(&bare_errors) && slab_check(&bare_errors), "fuzz: a check failed");
    ASSERT(vmem_walk(arena, is_model, &end), "fuzz: a segment before %u is not the model's", end);
    ASSERT(vmem_walk(child, is_tiled, &used) && used == model.child_count, "fuzz: the child's segments");
    struct vmem_figures f = vmem_figures(arena), of_child = vmem_figures(child);
    for (uint32_t i = 0; i < SPACE; i++) {
        in_spans += model.in_span[i];
        free += model.in_span[i] && !model.used[i];
    }
    ASSERT(f.total == in_spans * QUANTUM && f.free == free * QUANTUM, "fuzz: %zu free of %zu, not %u of %u",
           (size_t)f.free, (size_t)f.total, free * QUANTUM, in_spans * QUANTUM);
    ASSERT(f.allocated == model.count + of_child.spans, "fuzz: %u allocated, not %u + %u", f.allocated,
           model.count, of_child.spans);
    ASSERT(model.child_count > 0 || of_child.spans == 0, "fuzz: the empty child has %u spans",
           of_child.spans);
}

static void start(void)
{
    bare_build_frames(FRAMES);
    memset(&model, 0, sizeof model);
    arena = vmem_create(&(struct vmem_config){.name = "fuzz", .quantum = QUANTUM, .fit = &fit_first});
    child = arena == NULL
                ? NULL
                : vmem_create(&(struct vmem_config){
                      .name = "child", .quantum = QUANTUM, .source = arena, .import = IMPORT * QUANTUM});
    ASSERT(child != NULL, "fuzz: no arenas");
    add_span(SPACE / 4, SPACE / 4);
}

static void step(struct fuzz_input *in)
{
    uint32_t op = fuzz_byte(in) % 16, size = 1 + fuzz_below(in, MAX_SIZE);
    if (op < 4) {
        alloc(&(struct want){size, 1, 0, UINT32_MAX}, true);
    } else if (op == 4) {
        uint32_t min = fuzz_below(in, SPACE), align = 1u << fuzz_byte(in) % 5;
        alloc(&(struct want){size, align, min, min + fuzz_below(in, SPACE)}, false);
    } else if (op == 5) {
        alloc_at(fuzz_below(in, SPACE), size);
    } else if (op == 6) {
        vmem_set_fit(arena, fit_table[size % fit_count]);
    } else if (op == 7) {
        add_span(fuzz_below(in, SPACE), fuzz_below(in, MAX_SPAN));
    } else if (op == 8) {
        child_alloc(size);
    } else if (op == 9) {
        if (model.child_count > 0)
            child_free(size % model.child_count);
    } else if (model.count > 0) {
        uint32_t i = fuzz_below(in, model.count);
        if (op == 10)
            split(model.held[i], size);
        else if (op == 11)
            join(model.held[i]);
        else
            free_held(i);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, data + size};
    start();
    for (uint32_t ops = 1; in.at < in.end; ops++) {
        step(&in);
        if (ops % FUZZ_CHECK_EVERY == 0)
            check();
    }
    while (model.count > 0)
        free_held(0);
    while (model.child_count > 0)
        child_free(0);
    check();
    vmem_destroy(child);
    vmem_destroy(arena);
    return 0;
}
