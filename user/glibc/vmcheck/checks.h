/* SPDX-License-Identifier: MIT
 * The count of checks and their sections, for main. */
#ifndef USER_GLIBC_VMCHECK_CHECKS_H
#define USER_GLIBC_VMCHECK_CHECKS_H

/* Runs a section; name stays valid. */
void checks_section(const char *name, void (*run)(void));
/* The same in a child, so that its crash is a check that failed and not the end. */
void checks_section_apart(const char *name, void (*run)(void));

/* Prints the last lines. => the program's exit status: 0 if every result was the expected one, else 1 */
int checks_end(void);

#endif
