/* SPDX-License-Identifier: MIT
 * contig status: figures of the contiguous arena, a picture of it, and its partitions. */
#include "drivers/vga.h"
#include "kernel/contig.h"
#include "kernel/tenant.h"
#include "lib/log.h"
#include "lib/string.h"

enum { MAP_COLUMNS = 64, MAP_ROWS = 4 };

/* Of a partition, by its place among them. */
static char letter_of(uint32_t number)
{
    return (char)('A' + number % 26);
}

static uint8_t color_of(char c)
{
    static const enum vga_color colors[] = {VGA_BLUE, VGA_GREEN, VGA_CYAN, VGA_RED, VGA_MAGENTA, VGA_BROWN};
    if (c >= 'A' && c <= 'Z')
        return (uint8_t)(colors[(c - 'A') % (int)ARRAY_SIZE(colors)] << 4 | VGA_WHITE);
    return VGA_GREY;
}

/* One character for `group` units: the partition that has the first of them. */
static void draw(struct printer *out)
{
    char map[MAP_COLUMNS * MAP_ROWS + 1] = {0};
    uint32_t group = (contig_book.units + sizeof map - 2) / (sizeof map - 1), number = 0;
    uint32_t columns = (contig_book.units + group - 1) / group,
             rows = (columns + MAP_COLUMNS - 1) / MAP_COLUMNS;
    memset(map, '.', columns);
    for (const struct partition *p = partition_next(&contig_book, NULL); p != NULL;
         p = partition_next(&contig_book, p)) {
        for (uint32_t i = 0; i < p->units; i++)
            map[partition_unit(&contig_book, p, i) / group] = letter_of(number);
        number++;
    }
    for (uint32_t row = 0; row < rows; row++)
        print(out, "%6uK |%.*s|\n", row * MAP_COLUMNS * group * PAGE_KIB, MAP_COLUMNS,
              map + row * MAP_COLUMNS);
    vga_color_lines(rows, color_of);
    print(out, "one character = %uK; . free\n", group * PAGE_KIB);
}

static void list_partitions(struct printer *out)
{
    uint32_t number = 0;
    for (uint32_t at = 0; at < contig_book.units; at++) {
        const struct partition *p = contig_book.by_start[at];
        struct tenant_note note = {.mismatches = 0};
        uint32_t pid = 0;
        if (p == NULL)
            continue;
        tenant_note(p->name, &note, &pid);
        if (contig_book.by_start[at] != p) /* it ended while the note was read from a disk */
            continue;
        print(out, "%c %-15s at=%uK size=%uK asked=%uK frame=%#x pid=%u passes=%u mismatches=%u%s\n",
              letter_of(number++), p->name, at * PAGE_KIB, p->units * PAGE_KIB, p->bytes / KIB,
              frame_pfn(contig_frame(p, 0)).n, pid, note.passes, note.mismatches,
              contig_book.moving == p ? " moving" : "");
    }
}

int contig_status(int argc UNUSED, char **argv UNUSED, struct printer *out)
{
    if (contig_missing(out))
        return 1;
    const struct partition_book *b = &contig_book;
    struct partition_figures f = partition_figures(b);
    log_event(LOG_PROC, "contig-status used=%u free=%u largest=%u partitions=%u", f.used, f.free, f.largest,
              b->count);
    print(out, "contig: strategy=%s total=%uK used=%uK free=%uK largest-hole=%uK holes=%u blocks=%u\n",
          vmem_fit(b->arena)->name, f.total * PAGE_KIB, f.used * PAGE_KIB, f.free * PAGE_KIB,
          f.largest * PAGE_KIB, f.holes, b->count);
    print(out, "contig: external=%u.%u%% internal=%u.%u%% success=%u.%u%%\n", f.external / 10,
          f.external % 10, f.internal / 10, f.internal % 10, f.success / 10, f.success % 10);
    print(out,
          "contig: operations=%u allocs=%u failed=%u for-fragmentation-only=%u frees=%u moves=%u auto=%s\n",
          b->allocs + b->frees, b->allocs, b->failures, b->fragmented, b->frees, b->moves,
          !contig_automatic.compacts              ? "off"
          : contig_automatic.budget == UINT32_MAX ? "on"
                                                  : "step");
    draw(out);
    list_partitions(out);
    return 0;
}
