/* SPDX-License-Identifier: MIT
 * Lanes: the slices of one track of a Chrome trace must nest, so slices that overlap go to different tracks.
 * Slices arrive in the order of their ends. */
#ifndef TOOLS_TRACE_LANES_H
#define TOOLS_TRACE_LANES_H

#include "lib/types.h"

enum { LANE_DEPTH = 8 };

struct lane {
    uint64_t floor; /* nothing may begin before it: slices that ended there are forgotten */
    uint32_t depth;
    struct {
        uint64_t start, end;
    } last[LANE_DEPTH]; /* slices side by side, the latest last; those within them do not matter */
};

/* Takes the slice in, if it is within, around or beside all that the lane has. It ends at or after all those.
 * => false: it overlaps */
bool lane_take(struct lane *l, uint64_t start, uint64_t end);

/* Takes a slice whose room was kept free since it began. */
void lane_close(struct lane *l, uint64_t end);

#endif
