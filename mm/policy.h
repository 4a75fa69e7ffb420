/* SPDX-License-Identifier: MIT
 * mm-level: 4
 * What a page-replacement policy is. A policy is a leaf: one file in mm/policy/, linked unchanged into
 * the kernel and into the simulator (tools/sim). It sees the frames of its own pool, their accessed and dirty
 * bits and the names of their pages, nothing else: no I/O, no unmapping, no time but its own calls. It is
 * instantiated per pool and has no global state.
 *
 * How it is called, for each page that comes in:
 *
 *   missed        the page `id` is wanted and not here        (optional)
 *   pick_victim   only if the pool is full: who goes?
 *   removed       the victim leaves, evicted
 *   inserted      the page is here; this counts as its first reference
 *
 * and, where the MMU shows every reference (exact mode), `touched` for each reference to a page that is
 * here. In sampled mode use shows in the accessed bits only. Between `inserted` and `removed` the frame's
 * `link`, `policy_flag` and `policy_word` belong to the policy.
 *
 * To add a policy: write mm/policy/NAME.c, and add a line to POLICIES below. */
#ifndef MM_POLICY_H
#define MM_POLICY_H

#include "lib/print.h"
#include "mm/frame.h"

/* The name of a page, as long as it exists, whether or not it is in memory: page number `page` of a process
 * (owner = its pid) or of an object (owner = its number, with OWNER_OBJECT set). Two frames may have the same
 * name for a while: a page that a process shared and its copy. A page that is in memory, but mapped by nobody
 * goes by its swap slot's number; it has another name later. */
struct page_id {
    uint32_t owner, page;
};
#define OWNER_OBJECT 0x80000000u
#define OWNER_SLOT   0x40000000u

static inline bool page_id_equal(struct page_id a, struct page_id b)
{
    return a.page == b.page && a.owner == b.owner;
}

/* The future, for policies that are told: next_use[i] is the number of the next reference to the page that
 * reference i is to, ORACLE_NEVER if there is none. `now` is the number of the reference that is being made:
 * `inserted` and `touched` are about next_use[now]. */
#define ORACLE_NEVER UINT32_MAX
struct oracle {
    const uint32_t *next_use;
    uint32_t count, now;
};

/* => the number of the next reference to the page that is being referenced. */
static inline uint32_t oracle_next_use(const struct oracle *o)
{
    return o->now < o->count ? o->next_use[o->now] : ORACLE_NEVER;
}

struct policy_setup {
    uint32_t capacity;     /* most pages that it will hold */
    uint32_t seed;         /* for policies that draw random numbers */
    struct oracle *oracle; /* NULL: the future is not known */
};

/* What a policy cannot do without; a pool that does not have it refuses the policy. */
enum policy_needs {
    POLICY_NEEDS_TOUCHES = 1, /* every reference: exact mode */
    POLICY_NEEDS_ORACLE = 2,
};

struct policy {
    const char *name;
    const char *summary; /* one line, with the source */
    uint32_t needs;      /* of enum policy_needs */

    /* A new instance. => NULL when memory is short. */
    void *(*create)(const struct policy_setup *setup);
    void (*destroy)(void *state);

    /* A page that is not here is about to come in. At most once before its `inserted`, which may never come:
     * then another page's `missed` follows. For policies that choose the victim by who comes. May be NULL. */
    void (*missed)(void *state, struct page_id id);

    /* A page became resident in f. Its accessed bit, if it is to have one, is set after this call. */
    void (*inserted)(void *state, struct frame *f);

    /* A reference that was seen exactly (exact mode only), to a page that is here. Its accessed bit is set
     * after this call. May be NULL. */
    void (*touched)(void *state, struct frame *f);

    /* Chooses who goes. => an inserted frame; it stays inserted until `removed`. NULL only when the
     * instance holds no frame. If the choice cannot be evicted (its write failed, or the instruction that
     * faults needs it itself), the pool calls removed and, then or later, inserted again, and asks once
     * more. */
    struct frame *(*pick_victim)(void *state);

    /* f leaves: evicted, or its page is gone (freed, locked) and will not be missed. Its page's name can
     * still be asked for. */
    void (*removed)(void *state, struct frame *f, bool evicted);

    /* The page in `from`, which is inserted, is in `to` now, whose link and policy fields are unset: the same
     * page in another frame. Decides nothing, and changes nothing else. NULL: `removed` and `inserted` are
     * called instead, and the page loses its history. */
    void (*moved)(void *state, struct frame *from, struct frame *to);

    /* Why pick_victim has just chosen `victim`, which is still inserted: prints what decided, as
     * "key=value ..." or a few words, without a newline. Changes nothing. => the runner-up: who would go if
     * the victim did not exist; NULL if there is none, or nobody can tell. May be NULL. */
    struct frame *(*explain)(void *state, struct frame *victim, struct printer *why);

    /* Who pick_victim would choose if it was asked now. Changes nothing, but explain may be asked about the
     * answer. => NULL: it holds none, or only choosing could tell. May be NULL. */
    struct frame *(*next)(void *state);

    /* Verifies the instance. => the number of frames it holds; prints what is broken, with the policy's
     * name, and returns UINT32_MAX otherwise. */
    uint32_t (*check)(void *state, struct printer *out);

    /* Prints its queues or state: one line for each frame it holds, those that go first first, made by
     * policy_dump_frame. May be NULL. */
    void (*dump)(void *state, struct printer *out);
};

/* What policies may ask about an inserted frame of theirs. Declared low, defined high (pool.c; in the
 * simulator by the simulator). */
bool policy_test_clear_accessed(struct frame *f); /* was it used since the bit was last cleared? clears it */
bool policy_accessed(const struct frame *f);      /* the same, leaves the bit */
bool policy_dirty(const struct frame *f);         /* would its eviction need a write? */
struct page_id policy_page(const struct frame *f);

#define POLICIES(X)         \
    X(policy_fifo)          \
    X(policy_clock)         \
    X(policy_second_chance) \
    X(policy_gclock)        \
    X(policy_lru)           \
    X(policy_lru_sampled)   \
    X(policy_mru)           \
    X(policy_nru)           \
    X(policy_aging)         \
    X(policy_nfu)           \
    X(policy_lfu)           \
    X(policy_twoq)          \
    X(policy_random)        \
    X(policy_opt)           \
    X(policy_sieve)         \
    X(policy_arc)           \
    X(policy_car)           \
    X(policy_clockpro)      \
    X(policy_lirs)          \
    X(policy_s3fifo)        \
    X(policy_wsclock)       \
    X(policy_twolist)       \
    X(policy_mglru)         \
    X(policy_gip)

#define X(p) extern const struct policy p;
POLICIES(X)
#undef X

extern const struct policy *const policy_table[];
extern const uint32_t policy_count;

/* => NULL if no policy has this name. */
const struct policy *policy_find(const char *name);

/* "fifo clock random", for error messages. */
void policy_names(struct printer *out);

/* For policies that keep frames, or ghosts, in queues: how many one holds, or UINT32_MAX after saying that a
 * link is broken; and a dump of it from the head. */
uint32_t policy_check_queue(const struct list_node *head, const char *name, struct printer *out);
void policy_dump_queue(const struct list_node *head, struct printer *out);

/* `moved` for policies that keep frames in queues and all else in policy_flag and policy_word. */
void policy_moved(void *state, struct frame *from, struct frame *to);

/* The same for one that has a hand besides. */
static inline void policy_moved_hand(struct list_node **hand, struct frame *from, struct frame *to)
{
    policy_moved(NULL, from, to);
    if (*hand == &from->link)
        *hand = &to->link;
}

/* One line about one frame. */
void policy_dump_frame(const struct frame *f, struct printer *out);

static inline struct frame *policy_frame(struct list_node *n)
{
    return container_of(n, struct frame, link);
}

/* The frame behind f in its queue, or NULL if f is the last: most runners-up. */
static inline struct frame *policy_next(const struct list_node *head, struct frame *f)
{
    return f->link.next == head ? NULL : policy_frame(f->link.next);
}

#endif
