/* SPDX-License-Identifier: MIT
 * Scripts: files of monitor commands, one a line. */
#ifndef KERNEL_SCRIPT_H
#define KERNEL_SCRIPT_H

#include "lib/print.h"

/* A module of the loader's that is text is a script, /script for load and cat. => false: it is no text, there
 * is one already, or there are too many files */
bool script_add(const void *data, uint32_t size) MUST_CHECK;

#endif
