/* SPDX-License-Identifier: MIT
 * Load control: who runs when frames do not suffice for all. A suspended process does not run, and its pages
 * are evicted. Two queues, both first in, first out: to make room, who has run longest is suspended; when
 * there is room, who has been suspended longest goes on. Who has waited for a quantum gets room made. So
 * nobody starves, and who runs has time to use the pages that it had to bring in.
 *
 * Who has been asleep for a while, for something else than a page, is suspended before all others, but only
 * if somebody else needs the frames; it joins the queue when what it sleeps for has come.
 *
 * What takes I/O is the work of a kernel thread, the balancer. Others only tell it that there is some. */
#ifndef KERNEL_LOAD_H
#define KERNEL_LOAD_H

#include "kernel/allot.h"

struct load_figures {
    uint32_t running, suspended;       /* allotments */
    uint32_t suspensions, resumptions; /* since the mode was set */
};

/* Starts the balancer, once. => false when memory is short. */
bool load_init(void) MUST_CHECK;

/* A new mode begins. => there are no allotments */
void load_reset(void);

/* a is new, or its pool is about to end. */
void load_enter(struct allotment *a);
void load_leave(struct allotment *a);

/* => frames that nobody has been given; below 0 while more are in use than there should be */
int32_t load_room(void);

/* May a pool get so many frames more? Not while there is none, nor while they are kept for another. */
bool load_may_grow(uint32_t more);

/* A pool's limit is another one: what is left is main_pool's. */
void load_set_main(void);

/* A process needs a frame more, and there is none left: room will be made. */
void load_overload(void);

/* The balancer has something to do. */
void load_kick(void);

/* Sleeps until the balancer is through with what it does. The pool of a process that has ended lives on while
 * the balancer writes a page of it. => no process runs: else there may always be more to do */
void load_settle(void);

/* => the least limit of a pool: main_pool keeps as much, too */
uint32_t load_least(void);

struct load_figures load_figures(void);

#endif
