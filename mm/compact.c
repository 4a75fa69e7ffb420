/* SPDX-License-Identifier: MIT
 * mm-level: 7.3
 * Compaction. What costs nothing to try is tried first: the caches' frames go back to the lists. Then the
 * frames of the range that are free are taken out of circulation, so that no page moves into it, and the
 * pages go one by one to wherever the buddy allocator puts them, which is the smallest holes first. */
#include "mm/compact.h"
#include "lib/command.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/evict.h"
#include "mm/migrate.h"
#include "mm/reclaim.h"
#include "mm/stats.h"

/* After a failure so many calls are answered no without looking, then twice as many, up to the limit: as
 * Linux's compact_defer_shift. */
enum { DEFER_FIRST = 1, DEFER_MOST = 64 };

static bool asked = true; /* compact_for does its work */

static struct {
    unsigned order; /* the lowest that failed */
    uint32_t skip;  /* calls still to be answered no */
    uint32_t next;  /* how many it will be next time */
} deferred;

static bool can_go(const struct frame *f)
{
    const struct frame *head = frame_head((struct frame *)(uintptr_t)f);
    return f->order == 0
               ? page_movable(f)
               : f->kind == FRAME_USER && (head->flags & (FRAME_QUEUED | FRAME_BUSY)) == FRAME_QUEUED;
}

/* What frame f adds to the cost of emptying a range. */
static uint32_t cost_of(const struct frame *f)
{
    if (f->kind == FRAME_FREE)
        return 0;
    return can_go(f) ? 1 : COMPACT_NEVER;
}

uint32_t compact_cost(uint32_t first, uint32_t count)
{
    uint32_t sum = 0;
    for (uint32_t n = first; n < first + count; n++) {
        uint32_t cost = n < frame_table_count ? cost_of(&frame_table[n]) : COMPACT_NEVER;
        if (cost == COMPACT_NEVER)
            return COMPACT_NEVER;
        sum += cost;
    }
    return sum;
}

/* Moves the page in f to any other free frame. */
static bool move_out(struct frame *f)
{
    if (f->order > 0)
        block_split(frame_head(f));
    struct frame *to = page_movable(f) ? buddy_alloc(0, ALLOC_USER) : NULL;
    if (to == NULL) {
        vmstat.pgmigrate_fail++;
        return false;
    }
    buddy_hold(to);
    page_migrate(f, to);
    return true;
}

bool compact_range(uint32_t first, uint32_t count)
{
    if (compact_cost(first, count) == COMPACT_NEVER)
        return false;
    buddy_isolate(first, count);
    uint32_t n = first;
    while (n < first + count && (frame_table[n].kind == FRAME_KERNEL || move_out(&frame_table[n])))
        n++;
    if (n == first + count)
        return true;
    for (n = first; n < first + count; n++)
        if (frame_table[n].kind == FRAME_KERNEL) /* all these are ours, or the cost would have said never */
            buddy_free(&frame_table[n]);
    return false;
}

/* Frames that pages can move to when [first, first + count) is out of circulation. */
static uint32_t room(uint32_t used, uint32_t count)
{
    uint32_t keep = buddy_reserve() + (count - used);
    return buddy_free_frames() > keep ? buddy_free_frames() - keep : 0;
}

/* The cheapest run; slides a window over all frames. *cost is what it costs. => its first frame */
static uint32_t cheapest(uint32_t count, unsigned order, uint32_t *cost)
{
    uint32_t best = 0, sum = 0, bad = 0; /* of the window: pages that can go, frames that cannot */
    *cost = COMPACT_NEVER;
    for (uint32_t n = 0; n < frame_table_count; n++) {
        uint32_t c = cost_of(&frame_table[n]);
        bad += c == COMPACT_NEVER;
        sum += c == COMPACT_NEVER ? 0 : c;
        if (n + 1 < count)
            continue;
        uint32_t first = n + 1 - count;
        if (first % (1u << order) == 0 && bad == 0 && sum < *cost && sum <= room(sum, count)) {
            best = first;
            *cost = sum;
        }
        c = cost_of(&frame_table[first]);
        bad -= c == COMPACT_NEVER;
        sum -= c == COMPACT_NEVER ? 0 : c;
    }
    return best;
}

struct frame *compact_run(uint32_t count, unsigned order)
{
    uint32_t cost;
    if (count == 0 || count > frame_table_count)
        return NULL;
    buddy_drain();
    uint32_t first = cheapest(count, order, &cost);
    return cost != COMPACT_NEVER && compact_range(first, count) ? &frame_table[first] : NULL;
}

static struct frame *make_block(unsigned order)
{
    struct frame *f = compact_run(1u << order, order);
    if (f != NULL)
        buddy_join(f, order, FRAME_USER);
    return f;
}

struct frame *compact_for(unsigned order)
{
    if (!asked)
        return NULL;
    if (deferred.skip > 0 && order >= deferred.order) {
        deferred.skip--;
        return NULL;
    }
    vmstat.compact_stall++;
    struct frame *f = make_block(order);
    if (f != NULL) {
        vmstat.compact_success++;
        deferred.skip = deferred.next = 0;
        return f;
    }
    vmstat.compact_fail++;
    deferred.order = order;
    deferred.next = MIN(MAX(deferred.next * 2, (uint32_t)DEFER_FIRST), (uint32_t)DEFER_MOST);
    deferred.skip = deferred.next;
    return NULL;
}

/* ---- by hand ---- */

/* Makes free blocks of the order as long as one more comes of it. => how many */
static uint32_t compact_all(unsigned order, uint32_t most)
{
    struct list_node made;
    uint32_t count = 0;
    list_init(&made);
    while (count < most) {
        /* what was made is held back, or it would be found again, for nothing */
        struct frame *f = make_block(order);
        if (f == NULL)
            break;
        list_push_back(&made, &f->link);
        count++;
    }
    for (struct list_node *n; (n = list_pop_front(&made)) != NULL;)
        buddy_free(container_of(n, struct frame, link));
    return count;
}

static uint32_t by_hand(unsigned order, struct printer *out)
{
    uint32_t before = vmstat.pgmigrate_success, blocks = compact_all(order, UINT32_MAX);
    uint32_t moved = vmstat.pgmigrate_success - before;
    print(out, "compact: order=%u free-blocks=%u moved=%u pages\n", order, blocks, moved);
    return moved;
}

/* The largest blocks first: what is left goes into smaller ones. */
static void all_by_hand(struct printer *out)
{
    uint32_t moved = 0;
    for (unsigned order = BUDDY_MAX_ORDER; order > 0; order--)
        moved += by_hand(order, out);
    print(out, "compact: moved=%u pages in all\n", moved);
}

static int command_run(int argc, char **argv, struct printer *out)
{
    uint32_t order;
    if (argc == 2 && (strcmp(argv[1], "on") == 0 || strcmp(argv[1], "off") == 0)) {
        asked = strcmp(argv[1], "on") == 0;
        return 0;
    }
    if (argc == 1) {
        all_by_hand(out);
        return 0;
    }
    if (argc == 2 && parse_u32(argv[1], false, &order) && order > 0 && order <= BUDDY_MAX_ORDER) {
        by_hand(order, out);
        return 0;
    }
    print(out, "compact: %s: expected an order from 1 to %u, on, off, or nothing\n", argv[argc > 2 ? 2 : 1],
          BUDDY_MAX_ORDER);
    return 1;
}

COMMAND(compact, "[ORDER|on|off]",
        "move pages together until free memory lies in blocks of 2^ORDER frames; on, off: when order= wants "
        "a block",
        command_run, .words = "on off");
