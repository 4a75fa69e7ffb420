/* SPDX-License-Identifier: MIT
 * The thread that merges equal pages. What it does is mm/merge.c; how fast is here. */
#ifndef KERNEL_KSM_H
#define KERNEL_KSM_H

/* The thread's life. Never returns. => merge_init was called. */
void ksm_run(void *unused);

#endif
