/* SPDX-License-Identifier: MIT
 * Plays a workload against a book of partitions. An allocation that fails is lost, and the program goes on
 * without it. */
#include "mm/partition.h"
#include "tools/alloc/alloc.h"
#include "tools/alloc/bare.h"
#include <stdlib.h>
#include <string.h>

enum { THOUSAND = 1000 };

struct player {
    const struct play *p;
    struct partition_book book;
    struct partition **blocks; /* by id; NULL: not there */
    uint32_t op;
    struct outcome out;
    uint64_t external, internal; /* sums over samples */
    uint32_t samples;
};

/* => false when there is nothing left to move */
static bool move_units(struct player *y, uint32_t budget)
{
    struct partition_move m;
    for (; budget > 0; budget--) {
        if (!partition_next_move(&y->book, &m))
            return false;
        partition_moved(&y->book);
    }
    return true;
}

/* => false when there is nothing left to move */
static bool move_partition(struct player *y)
{
    bool any;
    do
        any = move_units(y, 1);
    while (y->book.moving != NULL);
    return any;
}

static struct partition *try(struct player *y, uint32_t bytes, bool *compactable)
{
    struct partition *p = NULL;
    bool ok = partition_alloc(&y->book, "", bytes, y->p->variant.buddy, &p, compactable) == VM_OK;
    return ok ? p : NULL; /* more than the arena has, perhaps by buddy rounding, is a failure like others */
}

/* Units that move after each operation. */
static uint32_t budget_of(uint32_t compact)
{
    return compact < COMPACT_ENOUGH ? compact : 0;
}

static struct partition *alloc(struct player *y, uint32_t bytes)
{
    bool compactable;
    struct partition *p = try(y, bytes, &compactable);
    y->out.allocs++;
    if (p == NULL && compactable && y->out.first == 0) {
        struct partition_figures f = partition_figures(&y->book);
        y->out.first = y->op;
        y->out.first_load = (uint32_t)((uint64_t)f.used * THOUSAND / f.total);
    }
    if (p == NULL && compactable && y->p->variant.compact >= COMPACT_ENOUGH) {
        y->out.compactions++;
        if (y->p->variant.compact == COMPACT_WHOLE)
            move_units(y, UINT32_MAX);
        else
            while ((p = try(y, bytes, &compactable)) == NULL && move_partition(y))
                ;
        if (p == NULL)
            p = try(y, bytes, &compactable);
    }
    y->out.failures += p == NULL;
    y->out.fragmented += p == NULL && compactable;
    return p;
}

static void sample(struct player *y)
{
    struct partition_figures f = partition_figures(&y->book);
    struct sample s = {
        .op = y->op,
        .used = f.used,
        .free = f.free,
        .largest = f.largest,
        .external = f.external,
        .internal = f.internal,
        .partitions = y->book.count,
        .holes = f.holes,
        .success = y->out.allocs == 0
                       ? THOUSAND
                       : THOUSAND - (uint32_t)((uint64_t)y->out.failures * THOUSAND / y->out.allocs),
        .moved = y->book.moves,
        .fragmented = y->out.fragmented,
    };
    if (y->p->check && (!partition_check(&y->book, &bare_errors) || f.used + f.free != f.total ||
                        f.total != y->p->workload->units || f.largest > f.free))
        die(ALLOC_FAILED, "%s: after operation %u the book is broken", y->p->workload->name, y->op);
    y->external += f.external;
    y->internal += f.internal;
    y->samples++;
    y->out.used_peak = MAX(y->out.used_peak, f.used);
    if (y->p->sampled != NULL)
        y->p->sampled(y->p, &s);
}

static void step(struct player *y, const struct alloc_op *op)
{
    struct partition **block = &y->blocks[op->id];
    uint32_t at = UINT32_MAX;
    y->op++;
    if (op->bytes > 0) {
        *block = alloc(y, op->bytes);
        at = *block != NULL ? (*block)->at : UINT32_MAX;
    } else if (*block != NULL) {
        at = (*block)->at;
        partition_free(&y->book, *block);
        *block = NULL;
    }
    if (y->p->done != NULL)
        y->p->done(y->p, op, at);
    move_units(y, budget_of(y->p->variant.compact));
}

struct outcome play(const struct play *p)
{
    const struct workload *w = p->workload;
    struct player y = {.p = p, .blocks = host_array(NULL, w->ids, sizeof(struct partition *))};
    memset(y.blocks, 0, w->ids * sizeof *y.blocks);
    if (partition_open(&y.book, w->units, w->unit_bytes, p->variant.fit) != VM_OK)
        die(ALLOC_FAILED, "%s: no book of %u units", w->name, w->units);
    for (uint32_t i = 0; i < w->count; i++) {
        step(&y, &w->ops[i]);
        if (y.op % p->every == 0 || i + 1 == w->count)
            sample(&y);
    }
    y.out.moved = y.book.moves;
    if (y.samples > 0) {
        y.out.external = (uint32_t)(y.external / y.samples);
        y.out.internal = (uint32_t)(y.internal / y.samples);
    }
    partition_close(&y.book);
    free(y.blocks);
    return y.out;
}
