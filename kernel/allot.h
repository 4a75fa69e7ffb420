/* SPDX-License-Identifier: MIT
 * How frames are allotted to processes.
 *
 *   global  all share main_pool: whoever faults may take a page from anybody
 *   equal   each has a pool of its own, and the frames are split evenly among those that run
 *   ws      each has a pool for its working set: the pages that it has used in the last TAU of its own CPU
 * time (Denning, The working set model for program behavior, CACM 11(5), 1968). A fault makes it larger by
 *           one; what has not been used for TAU is released
 *   pff     page-fault frequency (Chu and Opderbeck, The page fault frequency replacement algorithm, AFIPS
 * Fall Joint Computer Conference, 1972; Program behavior and the page-fault-frequency replacement algorithm,
 *           Computer 9(11), 1976): a fault that comes within T of CPU time after the last one makes the pool
 *           larger; one that comes later releases all pages not used since the last one
 *
 * When frames do not suffice for what all need, some processes are suspended: load.h. All that is measured is
 * measured in CPU time of the process, from the TSC, in units of 2^ALLOT_UNIT_SHIFT ticks. */
#ifndef KERNEL_ALLOT_H
#define KERNEL_ALLOT_H

#include "mm/pool.h"

enum { ALLOT_UNIT_SHIFT = 10 };

enum allot_mode { ALLOT_GLOBAL, ALLOT_EQUAL, ALLOT_WS, ALLOT_PFF };

struct allot_config {
    enum allot_mode mode;
    uint32_t micros; /* TAU of ws, T of pff */
};

/* One of the programs that run, under another mode than global; its pool's `owner`. */
struct allotment {
    struct list_node link;  /* all, in order of birth */
    struct list_node queue; /* those that run, or those that are suspended, longest first */
    struct pool *pool;
    bool suspended;
    bool releasing;  /* pages not used since `from` are to go */
    bool stuck;      /* suspended, and no more of its pages can go */
    uint32_t from;   /* pool time */
    uint32_t served; /* the balancer's number for when it last released some */
    uint32_t asleep; /* processes that sleep for something else than a page or a frame */
    uint64_t asleep_since;
    uint32_t parked;      /* processes that would go on if it were not suspended */
    uint32_t places;      /* suspended: how many others were, so that it can go on */
    uint32_t demand;      /* suspended: frames that it needs to go on */
    uint32_t working_set; /* suspended: what it was before */
    uint32_t suspensions;
    uint64_t since; /* microseconds since boot: runs, or is suspended */

    uint32_t pid, cpu;             /* whose CPU time was read last, and what it was */
    uint32_t sampled;              /* pool time of the last sample */
    uint32_t fault_at, insertions; /* pool time of the last page that came in; the pool's count then */
    uint32_t gap;                  /* mean time between faults, lately: each counts for an eighth */
};

extern bool allot_on; /* some mode, but not global */
extern struct list_node allotments;

/* "global", "equal", "ws", "ws:MICROS", "pff", "pff:MICROS". => false if it is none of them */
bool allot_parse(const char *text, struct allot_config *c) MUST_CHECK;
const char *allot_mode_name(enum allot_mode mode);
extern const char allot_legal[]; /* what allot_parse takes, for messages */

/* Another mode. main_pool exists. => false after saying why not: programs are running, frames or memory are
 * too few. */
bool allot_set(const struct allot_config *c, struct printer *out) MUST_CHECK;
struct allot_config allot_config(void);

/* A reference to the pool of a program that is to be started: main_pool, or one of its own. => NULL when
 * memory is short. */
struct pool *allot_new_pool(void) MUST_CHECK;

/* The same for a child of a process in pool p, and for a process in pool p that runs another program. Locks
 * are not inherited by either: a pool that is small because its pages are wired apart, not as an allotment
 * is, would not do. */
struct pool *allot_child_pool(struct pool *p) MUST_CHECK;
struct pool *allot_exec_pool(struct pool *p) MUST_CHECK;

/* => the frames that all programs have together, however they are split */
uint32_t allot_frames(void);

/* => NULL if the pool is no allotment. */
struct allotment *allot_of(const struct pool *p);

/* => frames used in the last TAU (without ws: 10 ms) of CPU time, as far as samples tell */
uint32_t allot_working_set(const struct allotment *a);

/* The current process faults; the fault has been resolved. The first may sleep while it is suspended. */
void allot_before_fault(void);
void allot_after_fault(void);

/* A clock tick found the current process in user mode. May sleep while it is suspended. */
void allot_tick(void);

/* The current process is about to sleep for something else than a page, and has done so. The second may sleep
 * while it is suspended, as allot_park. */
void allot_falls_asleep(void);
void allot_wakes_up(void);

/* The current process stays here while it is suspended, unless it is to end. */
void allot_park(void);

#endif
