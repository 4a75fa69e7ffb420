/* SPDX-License-Identifier: MIT
 * The thread that merges equal pages. What it does is mm/merge.c; how fast is here. */
#ifndef KERNEL_KSM_H
#define KERNEL_KSM_H

#include "mm/merge.h"

/* The thread's life. Never returns. */
void ksm_run(void *unused);

/* Merging begins, goes on in another way, or ends. => VM_OK, or VM_NO_MEMORY and it is off */
enum vm_result ksm_set(enum merge_mode mode) MUST_CHECK;

#endif
