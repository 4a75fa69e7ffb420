/* SPDX-License-Identifier: MIT
 * Live counters for the VGA status line. */
#include "kernel/status.h"
#include "drivers/vga.h"
#include "kernel/allot.h"
#include "kernel/monitor.h"
#include "mm/stats.h"

enum { TICKS_PER_REDRAW = 10, TICKS_PER_FLUSH = 5 };

static uint32_t resident(void)
{
    uint32_t sum = 0;
    list_for_each (n, &all_pools)
        sum += container_of(n, struct pool, link)->resident;
    return sum;
}

void status_text(char *text, size_t size)
{
    /* eighty columns are few: these fit up to five digits each */
    format(text, size, " %s %u/%u | faults %u major %u | evicted %u | in %u out %u", main_pool.policy->name,
           resident(), allot_frames(), vmstat.pgfault, vmstat.pgmajfault, vmstat.pgsteal, vmstat.pswpin,
           vmstat.pswpout);
}

static void redraw(void)
{
    char text[VGA_COLUMNS + 1];
    status_text(text, sizeof text);
    vga_status("%s", text);
}

void status_tick(void)
{
    static uint32_t ticks;
    if (ticks % TICKS_PER_REDRAW == 0)
        redraw();
    if (ticks % TICKS_PER_FLUSH == 0)
        vga_flush();
    ticks++;
}
