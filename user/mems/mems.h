/* SPDX-License-Identifier: MIT
 * MeMS, a memory manager for one program over mmap. It hands out addresses of its own, which start at 1000
 * and run on without gaps, and says on request where in real memory they are: three addresses lie between a
 * pointer and a chip, MeMS's, the process's, the frame's.
 *
 * The main chain is a list of spans. A span is what one mmap gave: whole pages, as many as the allocation
 * needs that made it. Each span has a sub-chain: its segments in order of address, without gaps, each a
 * PROCESS (allocated) or a HOLE. An allocation takes the front of the first hole that is large enough; a free
 * segment joins its neighbours, so that two holes are never side by side. Spans stay until the end.
 *
 * Nothing here prints but mems_print_stats, and nothing ends the program. A call that fails leaves everything
 * as it was, and mems_error says why. Addresses have no alignment: three bytes are three bytes. */
#ifndef USER_MEMS_MEMS_H
#define USER_MEMS_MEMS_H

#include "lib/types.h"

enum { MEMS_START = 1000 }; /* the first MeMS address */

/* => false if it was called before, without mems_finish since */
bool mems_init(void);

/* => the MeMS address of so many bytes, not to be dereferenced; NULL: 0 or too many bytes, or no memory. */
void *mems_malloc(size_t bytes);

/* Frees what mems_malloc returned. => false if no PROCESS segment starts at v: freed already, never
 * allocated, or in the middle of one */
bool mems_free(const void *v);

/* Where MeMS address v really is, now and until it is freed. => NULL if v lies in no PROCESS segment: in a
 * hole, before 1000 or behind the last span */
void *mems_get(const void *v);

/* Prints a line a span, ends inclusive, then sums, then a line a page with the frame behind it. */
void mems_print_stats(void);

/* Unmaps everything; mems_init may follow. => false before mems_init */
bool mems_finish(void);

/* Why the last call that failed did. */
const char *mems_error(void);

/* ---- for tests ---- */

struct mems_figures {
    size_t spans, segments, pages; /* of the spans */
    size_t unused;                 /* bytes in holes */
    size_t mapped;                 /* bytes, with what MeMS needs for itself */
};
struct mems_figures mems_figures(void);

/* Is every span tiled by its segments, with no two holes side by side, and found by the index? => NULL, or
 * what is wrong */
const char *mems_check(void);

#endif
