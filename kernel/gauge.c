/* SPDX-License-Identifier: MIT
 * The fault gauge: a program reads in a word of its own memory how many major faults there were, and needs no
 * system call for it.
 *
 * This module is wrong on purpose. docs/labs/going-backwards.md is the hunt for what is wrong with it, and
 * explains it at the end: whoever wants to hunt reads no further here.
 *
 * The clock's interrupt brings the word up to date. It must not sleep, so it cannot bring the page in; but
 * the ramdisk is memory, too, and the word can be written where it lies. To find that place is dear, so it is
 * done once. */
#include "kernel/gauge.h"
#include "drivers/clock.h"
#include "drivers/ramdisk.h"
#include "kernel/proc.h"
#include "mm/stats.h"
#include "mm/swap.h"

enum {
    GAUGE_US = 100,                                /* between two looks at the figure */
    GAUGE_STEP = 128,                              /* major faults between two updates */
    GAUGE_WORD = PAGE_SIZE / sizeof(uint32_t) - 1, /* of its page: few programs use the last one */
};

static struct {
    struct timer timer;
    uint32_t *word; /* where the program's word lies; NULL: no program has one yet */
    uint32_t pid;
    vaddr_t page;
    uint32_t shown; /* the figure in it */
} gauge;

/* The first page of region r that is out, because then the program does not use it just now. */
static bool find_word_in(const struct pmap *p, const struct region *r)
{
    for (vaddr_t va = r->start; va < r->end; va = pmap_next_table(p, va + PAGE_SIZE, r->end)) {
        struct pte pte = pmap_lookup(p, va);
        if (pte.state != PTE_SWAPPED)
            continue;
        gauge.word = (uint32_t *)ramdisk_block(pte.slot.n) + GAUGE_WORD;
        gauge.pid = p->tag;
        gauge.page = va;
        return true;
    }
    return false;
}

static void find_word(void)
{
    list_for_each (n, &all_spaces) {
        const struct space *s = container_of(n, struct space, link);
        for (uint32_t i = 0; s->pmap.swapped > 0 && i < s->regions.count; i++)
            if (s->regions.at[i]->object == NULL && find_word_in(&s->pmap, s->regions.at[i]))
                return;
    }
}

static NOINLINE void gauge_update(void)
{
    gauge.shown = vmstat.pgmajfault;
    *gauge.word = gauge.shown;
}

static void gauge_look(struct timer *t)
{
    if (gauge.word == NULL)
        find_word();
    else if (vmstat.pgmajfault - gauge.shown >= GAUGE_STEP)
        gauge_update();
    timer_start(t, clock_micros() + GAUGE_US);
}

bool gauge_start(void)
{
    if (swap_disk() == NULL || !ramdisk_is(swap_disk()))
        return false;
    gauge.timer.fire = gauge_look;
    timer_start(&gauge.timer, clock_micros() + GAUGE_US);
    return true;
}
