/* SPDX-License-Identifier: MIT
 * mm-level: 8.4
 * Pictures of memory in text. */
#ifndef MM_DUMP_H
#define MM_DUMP_H

#include "mm/space.h"

/* One line for the machine: how many frames of each kind. */
void dump_frames(struct printer *out);

/* A map, one character a frame or group of frames: - reserved, . free, K kernel, digit: pid of the user
 * page's first mapping modulo 10. A group shows the kind of its first frame that is not free. */
void dump_frame_map(struct printer *out);

/* Regions of a space, as /proc/PID/maps, with resident and swapped pages each. */
void dump_space(struct space *s, struct printer *out);

/* Where a page is, in one line: whose mapping, object and slot. As the gdb command pte says it. */
void dump_frame_words(struct frame *f, struct printer *out);

#endif
