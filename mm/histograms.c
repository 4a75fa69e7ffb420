/* SPDX-License-Identifier: MIT
 * mm-level: 5.05
 * Collecting distributions. For the refault distance each slot has a shadow word, as in Linux's workingset.c:
 * how many pages its pool had evicted when this one went. Pages that were clean and went without a slot are
 * filled by their source again: no refault. */
#include "mm/histograms.h"
#include "lib/log.h"
#include "lib/string.h"
#include "lib/watch.h"
#include "mm/buddy.h"
#include "mm/slab.h"

enum { CASE_SWAPPED = 4 }; /* of fault.c */

/* Of the page that was evicted last with this slot. */
struct shadow {
    uint32_t pool;      /* its number; 0: not known */
    uint32_t evictions; /* of the pool, this one included */
};

struct histograms histograms;
static struct shadow *shadows;

enum vm_result histograms_start(void)
{
    size_t bytes = swap_total() * sizeof *shadows;
    if (histograms.on)
        histograms_stop();
    /* the kernel's reserve is not for this */
    if (buddy_low_free() < 2 * buddy_reserve() + bytes / PAGE_SIZE)
        return VM_NO_MEMORY;
    if (bytes > 0 && (shadows = kzalloc(bytes)) == NULL)
        return VM_NO_MEMORY;
    histograms_reset();
    histograms.on = true;
    watch(WATCH_HISTOGRAM, LOG_FAULT | LOG_EVICT);
    return VM_OK;
}

void histograms_stop(void)
{
    watch(WATCH_HISTOGRAM, 0);
    histograms.on = false;
    histograms.to = vmstat.pgfault;
    kfree(shadows);
    shadows = NULL;
}

void histograms_reset(void)
{
    histograms = (struct histograms){.on = histograms.on, .from = vmstat.pgfault, .to = vmstat.pgfault};
}

void histograms_fault(uint32_t kase, bool major, uint32_t ticks)
{
    histogram_add(&histograms.fault[kase == CASE_SWAPPED && major ? HISTOGRAM_SWAP_IN : kase], ticks);
}

void histograms_refault(uint32_t frame, slot_t slot)
{
    const struct pool *p = frame_table[frame].pool;
    const struct shadow *s = slot_valid(slot) ? &shadows[slot.n] : NULL;
    if (s != NULL && p != NULL && s->pool == p->number)
        histogram_add(&histograms.refault, p->evictions - s->evictions);
    else
        histograms.refault_unknown++;
}

void histograms_evicted(const struct frame *f)
{
    histogram_add(&histograms.residence, vmstat.pgfault - f->since);
    if (slot_valid(f->slot))
        shadows[f->slot.n] = (struct shadow){f->pool->number, f->pool->evictions};
}

void histograms_print_faults(struct printer *out)
{
    static const struct {
        uint32_t index, kase;
        const char *name;
    } order[] = {
        {0, 0, "no-region"},
        {1, 1, "forbidden"},
        {2, 2, "spurious"},
        {3, 3, "first-touch"},
        {HISTOGRAM_SWAP_IN, CASE_SWAPPED, "swap-in"},
        {CASE_SWAPPED, CASE_SWAPPED, "swap-cache"},
        {5, 5, "copy-on-write"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
        const struct histogram *h = &histograms.fault[order[i].index];
        print(out, "hist name=fault case=%u what=%s unit=ticks", order[i].kase, order[i].name);
        histogram_print_figures(h, out);
        print(out, "\n");
        histogram_print_buckets(h, out);
    }
}

void histograms_print_refaults(struct printer *out)
{
    print(out, "hist name=refault unit=evictions unknown=%u", histograms.refault_unknown);
    histogram_print_figures(&histograms.refault, out);
    print(out, "\n");
    histogram_print_buckets(&histograms.refault, out);
}

void histograms_print_residence(struct printer *out)
{
    print(out, "hist name=residence unit=faults");
    histogram_print_figures(&histograms.residence, out);
    print(out, "\n");
    histogram_print_buckets(&histograms.residence, out);
}
