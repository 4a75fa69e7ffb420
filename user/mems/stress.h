/* SPDX-License-Identifier: MIT
 * Random operations on MeMS, and what they leave behind. */
#ifndef USER_MEMS_STRESS_H
#define USER_MEMS_STRESS_H

/* Does n operations, looks at everything after every thousand, frees everything and finishes. Does not return
 * if anything is wrong. => the program's status */
int stress(unsigned n, unsigned seed);

#endif
