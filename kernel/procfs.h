/* SPDX-License-Identifier: MIT
 * /proc: files whose content is made when they are read. Nothing can be written. In /proc are files about the
 * machine, and a directory for each process that has memory, named by its pid; "self" is the reader's own. */
#ifndef KERNEL_PROCFS_H
#define KERNEL_PROCFS_H

#include "kernel/file.h"
#include "lib/print.h"

struct dir_entry;
struct space;

/* One file; just one of the three functions is there. */
struct proc_file {
    const char *name;
    uint32_t permissions;
    /* Text about the machine, about a process. Neither sleeps: what it prints is true at one time. */
    void (*print)(struct printer *out);
    void (*print_space)(const struct space *s, struct printer *out);
    /* Numbers about a process, 64 bits each, little endian. => false: the file ends before number `index` */
    bool (*number)(const struct space *s, uint64_t index, uint64_t *out);
};

enum { PID_TEXT = 6 }; /* a pid's digits and NUL */

/* A file of /proc/PID, or of /proc if pid is 0. => NULL: there is none */
const struct proc_file *procfs_find(uint32_t pid, const char *name, uint32_t length);

/* The pid that the name of a directory in /proc means. => 0: none that has memory */
uint32_t procfs_pid(const char *name, uint32_t length);

/* The inode number of a file, or of the directory if f is NULL. */
uint32_t procfs_number(uint32_t pid, const struct proc_file *f);

/* The entry of /proc/PID, or of /proc if pid is 0, at place *at, which is 0 at first and is moved. => false
 * at the end */
bool procfs_entry(uint32_t pid, uint32_t *at, struct dir_entry *e);

void procfs_stat(const struct proc_file *f, uint32_t pid, struct file_stat *st);

/* => NULL when memory is short */
struct open_file *procfs_open(const struct proc_file *f, uint32_t pid, uint32_t flags) MUST_CHECK;

/* Prints a file for people. => false: it is not text, or the process is gone */
bool procfs_print(const struct proc_file *f, uint32_t pid, struct printer *out) MUST_CHECK;

/* In procmem.c. maps: the regions, in Linux's format. pagemap: for each page of the user's addresses what its
 * PTE says, as in Linux's Documentation/admin-guide/mm/pagemap.rst. */
void maps_print(const struct space *s, struct printer *out);
bool pagemap_number(const struct space *s, uint64_t index, uint64_t *out);

#endif
