/* SPDX-License-Identifier: MIT
 * mm-level: 8.4
 * Dumps of frames and spaces, and the command that shows frames. */
#include "mm/dump.h"
#include "lib/command.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/reclaim.h"
#include "mm/rmap.h"

void dump_frames(struct printer *out)
{
    uint32_t kinds[FRAME_KINDS] = {0};
    for (uint32_t i = 0; i < frame_table_count; i++)
        kinds[frame_table[i].kind]++;
    print(out, "frames: %u in database, %u free, %u kernel, %u user, %u contiguous, %u reserved\n",
          frame_table_count, kinds[FRAME_FREE], kinds[FRAME_KERNEL], kinds[FRAME_USER], kinds[FRAME_CONTIG],
          kinds[FRAME_RESERVED]);
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
    case FRAME_CONTIG:
        return 'c';
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
    print(out,
          "one character = %u frame%s; . free, K kernel, c contiguous arena, - reserved, digit pid %% 10\n",
          group, group == 1 ? "" : "s");
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

/* What a region has, in pages, after Linux's /proc/PID/smaps. */
struct usage {
    uint32_t size, rss, shared, dirty, swapped, wired;
};

static void add_page(struct usage *u, struct pte pte)
{
    if (pte.state != PTE_PRESENT) {
        u->swapped += pte.state == PTE_SWAPPED;
        return;
    }
    struct frame *f = frame_of(pte.pfn);
    if (f == zero_frame) /* nobody's, as on Linux */
        return;
    bool shared = rmap_count(f) > 1;
    u->rss++;
    u->shared += shared;
    u->dirty += !shared && (pte.dirty || (f->flags & FRAME_DIRTY));
    u->wired += f->wired > 0;
}

static struct usage region_usage(const struct space *s, const struct region *r)
{
    struct usage u = {.size = (r->end - r->start) / PAGE_SIZE};
    for (vaddr_t va = r->start; (va = pmap_next_table(&s->pmap, va, r->end)) < r->end; va += PAGE_SIZE)
        add_page(&u, pmap_lookup(&s->pmap, va));
    return u;
}

static void print_usage(const struct usage *u, struct printer *out)
{
    print(out, "pages=%u resident=%u shared=%u private-dirty=%u swapped=%u wired=%u\n", u->size, u->rss,
          u->shared, u->dirty, u->swapped, u->wired);
}

void dump_space(struct space *s, struct printer *out)
{
    struct usage all = {0};
    for (uint32_t i = 0; i < s->regions.count; i++) {
        const struct region *r = s->regions.at[i];
        struct usage u = region_usage(s, r);
        char rights[REGION_RIGHTS];
        print(out, "%08x-%08x %s %-6s %-6s ", r->start, r->end, region_rights(r, rights), r->name,
              r->object != NULL ? r->object->name : "zero");
        print_usage(&u, out);
        uint32_t *sum = &all.size;
        for (size_t j = 0; j < sizeof u / sizeof *sum; j++)
            sum[j] += (&u.size)[j];
    }
    print(out, "%-37s ", "all");
    print_usage(&all, out);
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

COMMAND_AT_STOP(frames, "[map]", "physical frames by kind; map: one character each", command_run,
                .words = "map");
