/* SPDX-License-Identifier: MIT
 * mm-level: 7.2
 * Moving a page to another frame under whoever maps it: its content is copied, every PTE that names the old
 * frame names the new one, with the same rights and bits, and stale translations go. Nothing sleeps, so
 * no program runs in between, and none can tell. */
#ifndef MM_MIGRATE_H
#define MM_MIGRATE_H

#include "mm/space.h"

/* Can the page in f be moved? A single page of a process that competes in its pool, or is wired by mlock:
 * mlock keeps a page in memory, not in a frame. Not what is on its way in or out. */
bool page_movable(const struct frame *f);

/* The page in `from`, which is movable, is in `to` from here on, with its slot, its dirtiness and its place
 * in its pool's policy. => `to` is a single frame of kind KERNEL, the caller's (buddy_hold), and is of kind
 * USER afterwards; `from` becomes what `to` was. */
void page_migrate(struct frame *from, struct frame *to);

/* The part of it that concerns the mappings, of frames of any kind: content, PTEs, reverse map, object's
 * entry. */
void page_switch(struct frame *from, struct frame *to);

#endif
