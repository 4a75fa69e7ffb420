/* SPDX-License-Identifier: MIT
 * The heap looked at: figures, a line of its blocks, and whether they are whole. Changes nothing. */
#include "user/rt/heap_block.h"

struct heap_figures heap_figures(void)
{
    struct heap_figures f = the_heap.is;
    f.holes = the_heap.holes.count;
    f.largest = the_heap.is.strategy != NULL ? fit_largest(&the_heap.holes) : 0;
    return f;
}

/* Per mille of `whole`, in 32 bits. */
static uint32_t per_mille(size_t part, size_t whole)
{
    enum { MILLE = 1000 };
    while (whole > UINT32_MAX / MILLE) {
        part /= 2;
        whole /= 2;
    }
    return whole > 0 ? (uint32_t)part * MILLE / (uint32_t)whole : 0;
}

uint32_t heap_external(const struct heap_figures *f)
{
    return per_mille(f->free - f->largest, f->free);
}

uint32_t heap_internal(const struct heap_figures *f)
{
    return per_mille(f->used - f->requested, f->used);
}

static char letter_of(const struct block *b)
{
    return !is_used(b) ? 'H' : b->requested == FOREIGN ? 'X' : 'U';
}

/* Several that are the same are one word with a number. => where the next begins */
static struct block *print_run(struct block *first, int *column, struct printer *out)
{
    enum { COLUMNS = 100 };
    size_t count = 0;
    struct block *b = first;
    for (; (uintptr_t)b != the_heap.end && letter_of(b) == letter_of(first) && size_of(b) == size_of(first);
         count++)
        b = behind(b);
    *column += print(out, "%s%c%zu", *column > 0 ? " " : "", letter_of(first), size_of(first));
    if (count > 1)
        *column += print(out, "*%zu", count);
    if (*column >= COLUMNS || (uintptr_t)b == the_heap.end) {
        print(out, "\n");
        *column = 0;
    }
    return b;
}

void heap_print(struct printer *out)
{
    int column = 0;
    for (struct block *b = block_at(the_heap.start); the_heap.started && (uintptr_t)b != the_heap.end;)
        b = print_run(b, &column, out);
    struct heap_figures f = heap_figures();
    uint32_t external = heap_external(&f), internal = heap_internal(&f);
    print(out,
          "heap: strategy=%s%s size=%zu used=%zu free=%zu blocks=%zu holes=%zu largest=%zu external=%u.%u%% "
          "internal=%u.%u%% mapped=%zu in %zu\n",
          f.strategy != NULL ? f.strategy : "none", f.buddy ? ",buddy" : "", f.size, f.used, f.free, f.blocks,
          f.holes, f.largest, external / 10, external % 10, internal / 10, internal % 10, f.mapped,
          f.mapped_blocks);
}

/* ---- checking ---- */

static bool broken(struct printer *out, const struct block *b, const char *what)
{
    print(out, "heap: the block at %#zx, tag %#zx: %s\n", (size_t)b, b->tag, what);
    return false;
}

static bool check_hole(struct block *b, struct printer *out)
{
    const struct fit_segment *s = segment_of(b);
    if (!(b->tag & BEFORE_USED))
        return broken(out, b, "a hole behind a hole");
    if (*size_at_end(b) != size_of(b) || s->start != (uintptr_t)b || s->size != size_of(b))
        return broken(out, b, "a hole whose sizes differ");
    return fit_has(&the_heap.holes, s) || broken(out, b, "a hole that the strategy does not know");
}

static bool check_block(struct block *b, bool before_used, struct heap_figures *sum, struct printer *out)
{
    bool foreign = is_used(b) && b->requested == FOREIGN;
    size_t size = size_of(b);
    if (size % GRAIN != 0 || size > the_heap.end - (uintptr_t)b || (size < SMALLEST && !foreign) || size == 0)
        return broken(out, b, "not a size");
    if ((bool)(b->tag & BEFORE_USED) != before_used || is_mapped(b))
        return broken(out, b, "its flags do not agree with the block before");
    if (foreign)
        return true;
    sum->size += size;
    if (!is_used(b)) {
        sum->holes++;
        sum->free += size;
        return check_hole(b, out);
    }
    if (b->requested == 0 || b->requested > room_of(b))
        return broken(out, b, "more was asked for than it has");
    sum->blocks++;
    sum->used += size;
    sum->requested += b->requested;
    return true;
}

static bool check_mapped(struct heap_figures *sum, struct printer *out)
{
    const struct mapped *before = NULL;
    for (const struct mapped *m = the_heap.mapped; m != NULL; before = m, m = m->next) {
        const struct block *b = &m->head;
        if (m->before != before || !is_mapped(b) || size_of(b) != mapped_size(b->requested))
            return broken(out, b, "a large block out of its list, or not of its size");
        sum->mapped_blocks++;
        sum->mapped += size_of(b);
        sum->mapped_requested += b->requested;
    }
    return true;
}

bool heap_check(struct printer *out)
{
    struct heap_figures sum = {.size = 0}, is = heap_figures();
    bool before_used = true;
    struct block *b = block_at(the_heap.start);
    for (; the_heap.started && (uintptr_t)b != the_heap.end; b = behind(b)) {
        if (!check_block(b, before_used, &sum, out))
            return false;
        before_used = is_used(b);
        sum.size += is_used(b) && b->requested == FOREIGN ? HEADER : 0;
    }
    if (the_heap.started && (b->tag & ~(size_t)BEFORE_USED) != USED)
        return broken(out, b, "the end has a size");
    sum.size += the_heap.started ? HEADER : 0;
    if (!check_mapped(&sum, out))
        return false;
    if (sum.size != is.size || sum.used != is.used || sum.free != is.free || sum.requested != is.requested ||
        sum.blocks != is.blocks || sum.holes != is.holes || sum.mapped != is.mapped ||
        sum.mapped_blocks != is.mapped_blocks || sum.mapped_requested != is.mapped_requested) {
        print(
            out,
            "heap: counted %zu bytes, %zu in %zu blocks, %zu in %zu holes, %zu mapped; says %zu, %zu in %zu, "
            "%zu in %zu, %zu\n",
            sum.size, sum.used, sum.blocks, sum.free, sum.holes, sum.mapped, is.size, is.used, is.blocks,
            is.free, is.holes, is.mapped);
        return false;
    }
    return is.strategy == NULL || fit_check(&the_heap.holes, out);
}
