/* SPDX-License-Identifier: MIT
 * mm-level: 7.9
 * What is remembered of the last faults, and how it is printed. */
#ifndef MM_FAULT_LOG_H
#define MM_FAULT_LOG_H

#include "lib/print.h"
#include "mm/types.h"

/* Enough to print a fault's line again. */
struct fault_record {
    uint32_t pid, ip;
    vaddr_t va;
    const char *what; /* NULL: empty */
    uint32_t frame;   /* UINT32_MAX: none */
    slot_t slot;
    uint8_t access, kase, order;
};

/* The last faults, a ring; fault.c fills it. */
enum { FAULT_HISTORY = 16 };
extern struct fault_record fault_history[FAULT_HISTORY];
extern uint32_t fault_history_next;

/* For those who watch LOG_FAULT. major: a swap disk was read; ticks: what it cost. */
void fault_seen(const struct fault_record *r, bool major, bool resolved, uint64_t ticks);

/* The last faults, oldest first, for panics and debuggers. One line each, as in the log. */
void fault_history_print(struct printer *out);

const char *vm_result_name(enum vm_result r);

#endif
