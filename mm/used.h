/* SPDX-License-Identifier: MIT
 * mm-level: 4.9
 * When pages were last used, as far as sampling their accessed bits tells: a record for each frame that some
 * tracked pool has had. What is done with it is workset.h. */
#ifndef MM_USED_H
#define MM_USED_H

#include "mm/frame.h"

struct page_use {
    struct list_node link; /* its pool's list; for a while perhaps that of a pool which the frame has left */
    struct frame *frame;
    uint32_t last; /* when the page was last known to be used: the pool's time */
    bool accessed; /* sampling read and cleared its accessed bit, and its policy has not asked since */
};

/* Room for the table; the records come with the frames. => VM_OK or VM_NO_MEMORY. A second call does nothing.
 */
enum vm_result page_uses_init(void) MUST_CHECK;

/* Frees all of it. => every list has been emptied */
void page_uses_end(void);

/* => NULL if f has no record. */
struct page_use *page_use_of(const struct frame *f);

/* The page in f has come, and is on the list from here on. Nothing happens if there is no memory for a
 * record. */
void page_use_enter(struct frame *f, struct list_node *list, uint32_t now);

/* The page in `from` is in `to` now. */
void page_use_move(struct frame *from, struct frame *to);

/* Empties the list. */
void page_use_forget(struct list_node *list);

/* Was the page's accessed bit set when it was sampled, and nobody has taken note? */
bool page_use_accessed(const struct frame *f);
bool page_use_take_accessed(struct frame *f); /* and takes note */

#endif
