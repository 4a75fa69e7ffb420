/* SPDX-License-Identifier: MIT
 * What the files of the simulator share: how it fails, its memory, and who plays. */
#ifndef TOOLS_SIM_SIM_H
#define TOOLS_SIM_SIM_H

#include "mm/policy.h"

/* Exit statuses. */
enum {
    SIM_OK = 0,
    SIM_FAILED = 1, /* a trace that cannot be read, a policy that broke its contract */
    SIM_USAGE = 2,  /* options that make no sense */
};

/* Prints "sim: ..." to stderr and ends the program with `status`. */
void die(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3))) NORETURN;

/* Host memory; the program ends when there is none. */
void *host_alloc(size_t count, size_t size);
void *host_realloc(void *p, size_t count, size_t size);
char *host_copy(const char *text);

/* How much of kmalloc's and slab_alloc's memory is in use: objects. */
uint32_t memory_objects(void);

/* A policy that is not the kernel's, in a file that SIM_EXTRA names, takes part:
 * SIM_POLICY(policy_mine); */
#define SIM_POLICY(p) static const struct policy *const p##_entry LINKER_SET_ENTRY(sim_policies) = &(p)

/* Every policy: the kernel's, then the others. => NULL behind the last one. */
const struct policy *player(uint32_t number);
const struct policy *player_find(const char *name);

/* "fifo clock ..." into text, cut to fit. */
void player_names(char *text, size_t size);

/* The next word of a list with commas, cut out of it; passes over empty ones. => NULL at the end */
char *next_word(char **list);

extern struct printer to_stdout, to_stderr;

#endif
