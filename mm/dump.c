/* SPDX-License-Identifier: MIT
 * mm-level: 8.2
 * Dumps of frames and spaces, and the command that shows frames. */
#include "mm/dump.h"
#include "lib/command.h"
#include "lib/string.h"
#include "mm/buddy.h"

void dump_frames(struct printer *out)
{
    uint32_t kinds[4] = {0};
    for (uint32_t i = 0; i < frame_table_count; i++)
        kinds[frame_table[i].kind]++;
    print(out, "frames: %u in database, %u free, %u kernel, %u user, %u reserved\n", frame_table_count,
          kinds[FRAME_FREE], kinds[FRAME_KERNEL], kinds[FRAME_USER], kinds[FRAME_RESERVED]);
    list_for_each (n, &all_pools) {
        struct pool *p = container_of(n, struct pool, link);
        print(out, "pool %s: policy=%s limit=%u resident=%u evictions=%u\n", p->name, p->policy->name,
              p->limit, p->resident, p->evictions);
    }
}

static char frame_char(const struct frame *f)
{
    switch ((enum frame_kind)f->kind) {
    case FRAME_FREE:
        return '.';
    case FRAME_KERNEL:
        return 'K';
    case FRAME_USER:
        return f->pmap != NULL ? (char)('0' + f->pmap->tag % 10) : '?';
    case FRAME_RESERVED:
        break;
    }
    return '-';
}

void dump_frame_map(struct printer *out)
{
    enum { COLUMNS = 64, ROWS = 64 };
    uint32_t group = 1;
    while (frame_table_count / group > COLUMNS * ROWS)
        group *= 2;
    print(out, "one character = %u frame%s; . free, K kernel, - reserved, digit pid %% 10\n", group,
          group == 1 ? "" : "s");
    for (uint32_t i = 0; i < frame_table_count; i += COLUMNS * group) {
        char line[COLUMNS + 1] = {0};
        for (uint32_t c = 0; c < COLUMNS && i + c * group < frame_table_count; c++) {
            line[c] = '.';
            for (uint32_t j = 0; j < group && line[c] == '.' && i + c * group + j < frame_table_count; j++)
                line[c] = frame_char(&frame_table[i + c * group + j]);
        }
        print(out, "%05x %s\n", i, line);
    }
}

void dump_space(struct space *s, struct printer *out)
{
    for (uint32_t i = 0; i < s->regions.count; i++) {
        struct region *r = s->regions.at[i];
        uint32_t resident = 0, swapped = 0;
        for (vaddr_t va = r->start; (va = pmap_next_table(&s->pmap, va, r->end)) < r->end; va += PAGE_SIZE) {
            enum pte_state state = pmap_lookup(&s->pmap, va).state;
            resident += state == PTE_PRESENT;
            swapped += state == PTE_SWAPPED;
        }
        print(out, "%08x-%08x %c%c%c %-6s %-5s pages=%u resident=%u swapped=%u\n", r->start, r->end,
              r->prot & VM_READ ? 'r' : '-', r->prot & VM_WRITE ? 'w' : '-', r->prot & VM_EXEC ? 'x' : '-',
              r->name, r->source.name, (r->end - r->start) / PAGE_SIZE, resident, swapped);
    }
}

static int command_run(int argc, char **argv, struct printer *out)
{
    if (argc == 2 && strcmp(argv[1], "map") == 0) {
        dump_frame_map(out);
        return 0;
    }
    if (argc != 1) {
        print(out, "frames: expected no argument, or: map\n");
        return 1;
    }
    dump_frames(out);
    return 0;
}

COMMAND(frames, "[map]", "physical frames by kind; map: one character each", command_run);
