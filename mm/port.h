/* SPDX-License-Identifier: MIT
 * mm-level: 0.1
 * What mm/ needs from the machine besides page tables (pmap.h). Implemented by arch/x86 in the kernel
 * and by tests/host on the host. */
#ifndef MM_PORT_H
#define MM_PORT_H

#include "mm/types.h"

/* The one place where a physical address becomes a pointer, and back. => pa must be RAM that the frame
 * database knows (or, in the kernel, any address below the end of the direct map). */
void *phys_to_ptr(paddr_t pa);
paddr_t ptr_to_phys(const void *p);

/* A pointer to any frame's content, also of one beyond the direct map, through the given temporary
 * mapping. => good until the same window is asked for another frame, or the caller sleeps. */
enum page_window {
    WINDOW_TO,     /* mm: the page that is being written to */
    WINDOW_FROM,   /* mm: the page that is being read */
    WINDOW_DRIVER, /* disk drivers, interrupt handlers included */
    WINDOWS,
};
void *page_window(pfn_t pfn, enum page_window w);

#endif
