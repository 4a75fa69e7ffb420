/* SPDX-License-Identifier: MIT
 * Where a slice has room. */
#include "tools/trace/lanes.h"

bool lane_take(struct lane *l, uint64_t start, uint64_t end)
{
    uint32_t keep = l->depth;
    while (keep > 0 && l->last[keep - 1].start > start)
        keep--;
    if (start < l->floor || (keep > 0 && l->last[keep - 1].end > start))
        return false;
    if (keep == LANE_DEPTH) {
        l->floor = l->last[0].end;
        keep--;
        for (uint32_t i = 0; i < keep; i++)
            l->last[i] = l->last[i + 1];
    }
    l->last[keep].start = start;
    l->last[keep].end = end;
    l->depth = keep + 1;
    return true;
}

void lane_close(struct lane *l, uint64_t end)
{
    l->depth = 0;
    l->floor = end;
}
