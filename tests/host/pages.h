/* SPDX-License-Identifier: MIT
 * What most tests of mm/ need: a pool with a space, and whole pages stamped with (pid, page, generation),
 * so that exchanged, stale and half-transferred pages are all noticed. */
#ifndef TESTS_HOST_PAGES_H
#define TESTS_HOST_PAGES_H

#include "mm/space.h"
#include "tests/host/test.h"

/* Where tests map things; page i of a test is at page_va(i). */
#define TEST_VA ((vaddr_t)0x08048000)

static inline vaddr_t page_va(uint32_t i)
{
    return TEST_VA + i * PAGE_SIZE;
}

struct world {
    struct pool pool;
    struct space space; /* pid 1 */
};

/* A pool that has what the policy needs: references that the test makes known itself by pool_touch, or a
 * future in which nothing happens. => as pool_init */
enum vm_result pool_init_any(struct pool *p, const char *name, const char *policy, uint32_t limit,
                             uint32_t seed) MUST_CHECK;

/* A pool and a space with `pages` writable zero pages at TEST_VA, none if 0. Failure panics. limit may be
 * below POOL_MIN_LIMIT: one CPU access of one word needs one page only. */
void world_init(struct world *w, const char *policy, uint32_t limit, uint32_t pages);
void world_destroy(struct world *w);

/* Maps zero pages from page_va(i) on. Failure panics. */
void pages_map(struct space *s, uint32_t i, uint32_t count, uint32_t prot);

/* Maps pages from page_va(i) on, of the object from its start (which gets another reference), or zero pages
 * if it is NULL. => as space_map */
enum vm_result pages_region(struct space *s, uint32_t i, uint32_t count, uint32_t prot, uint32_t flags,
                            struct object *o) MUST_CHECK;

/* Maps a file of these bytes, privately, from page_va(i) on. Failure panics. => the object, which lives as
 * long as the mapping. */
struct object *file_map(struct space *s, uint32_t i, const void *data, uint32_t length, uint32_t prot);

/* Makes page i resident and writable, as a write would, and reads it: a page of its own that is clean, if it
 * was not dirty before. Failure panics. */
void page_touch(struct space *s, uint32_t i);

/* Where page i is: NULL and SLOT_NONE if it is not there. */
struct frame *page_frame(const struct space *s, uint32_t i);
slot_t page_slot(const struct space *s, uint32_t i);

/* One word of page i, by the CPU. The store writes v, the load returns what is there; both panic if the
 * access is refused. */
void word_store(struct space *s, uint32_t i, uint32_t v);
uint32_t word_load(struct space *s, uint32_t i);

/* Stamps every word of the page. => as machine_access */
enum vm_result page_stamp(struct space *s, vaddr_t va, uint32_t generation) MUST_CHECK;

/* Does every word of the page say so? generation 0: all zero. *result is that of the access. */
bool page_stamped(struct space *s, vaddr_t va, uint32_t generation, enum vm_result *result) MUST_CHECK;

/* The stamp of one word. Never 0 for a generation above 0, as far as 32 bits allow. */
uint32_t stamp_of(uint32_t pid, vaddr_t va, uint32_t generation);

/* Is page i in memory? In swap? */
bool page_present(const struct space *s, uint32_t i);
bool page_swapped(const struct space *s, uint32_t i);

#endif
