/* SPDX-License-Identifier: MIT
 * mm-level: 4
 * What a page-replacement policy is. A policy is a leaf: one file in mm/policy/, linked unchanged into
 * the kernel and into host tools. It sees the frames of its own pool and their accessed bits, nothing
 * else: no I/O, no unmapping, no dirtiness. It is instantiated per pool and has no global state.
 *
 * The pool calls `inserted` when a page has become resident, `removed` when it is about to leave (evicted
 * or freed), and between the two the frame's `link`, `policy_flag` and `policy_word` belong to the policy.
 * To add one: write mm/policy/NAME.c, and add a line to POLICIES below. */
#ifndef MM_POLICY_H
#define MM_POLICY_H

#include "lib/print.h"
#include "mm/frame.h"

enum { REFAULT_NONE = UINT32_MAX };

struct policy {
    const char *name;
    const char *summary; /* one line, with the source */

    /* A new instance for a pool of at most `capacity` frames. seed is for policies that draw random
     * numbers. => NULL when memory is short. */
    void *(*create)(uint32_t capacity, uint32_t seed);
    void (*destroy)(void *state);

    /* A page became resident in f. refault_distance: evictions in this pool since the page was evicted,
     * or REFAULT_NONE when it was not or nobody knows. */
    void (*inserted)(void *state, struct frame *f, uint32_t refault_distance);

    /* A reference that was seen exactly (exact mode only). May be NULL. */
    void (*touched)(void *state, struct frame *f);

    /* Chooses who goes. => an inserted frame; it stays inserted until `removed`. NULL only when the
     * instance holds no frame. If the choice cannot be evicted (its write failed), the pool calls
     * removed and inserted again, and asks once more. */
    struct frame *(*pick_victim)(void *state);

    void (*removed)(void *state, struct frame *f);

    /* Called every clock tick. May be NULL. */
    void (*tick)(void *state);

    /* Verifies the instance. => the number of frames it holds; prints what is broken and returns
     * UINT32_MAX otherwise. */
    uint32_t (*check)(void *state, struct printer *out);

    /* Prints its queue or state. May be NULL. */
    void (*dump)(void *state, struct printer *out);
};

/* What policies may ask about a frame of theirs. Declared low, defined high (pool.c; in the simulator by
 * the simulator): whether the page was accessed since the bit was last cleared, and clears it. */
bool policy_test_clear_accessed(struct frame *f);

#define POLICIES(X) \
    X(policy_fifo)  \
    X(policy_clock) \
    X(policy_random)

#define X(p) extern const struct policy p;
POLICIES(X)
#undef X

extern const struct policy *const policy_table[];
extern const uint32_t policy_count;

/* => NULL if no policy has this name. */
const struct policy *policy_find(const char *name);

/* "fifo clock random", for error messages. */
void policy_names(struct printer *out);

/* For policies that keep one queue: how many frames it holds, or UINT32_MAX after saying that a link is
 * broken; and a dump of it from the head. */
uint32_t policy_check_queue(const struct list_node *head, const char *name, struct printer *out);
void policy_dump_queue(const struct list_node *head, struct printer *out);

static inline struct frame *policy_frame(struct list_node *n)
{
    return container_of(n, struct frame, link);
}

#endif
