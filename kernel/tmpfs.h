/* SPDX-License-Identifier: MIT
 * Files in /tmp: one flat directory. A file is an inode with a memory object; it lives as long as it has a
 * name or is open, its pages also as long as they are mapped. */
#ifndef KERNEL_TMPFS_H
#define KERNEL_TMPFS_H

#include "kernel/file.h"
#include "lib/list.h"

enum { NAME_MAX = 255 };

struct inode {
    struct list_node link; /* the directory, in order of number; unlinked when it has no name */
    struct object *object;
    uint32_t refs;     /* open files, and one for the name */
    uint32_t number;   /* from TMP_FIRST on; never given twice */
    uint32_t mode;     /* S_IFREG and permissions */
    uint64_t mtime;    /* nanoseconds since boot */
    struct lock write; /* a write, an append and a truncation are each in one piece */
    char *name;
};

enum { TMP_FIRST = 2 };

/* => the inode of a name, or NULL. No reference is added: good until the next call that may sleep. */
struct inode *tmpfs_find(const char *name, uint32_t length);

/* The first file whose number is `number` or more. => NULL if there is none */
struct inode *tmpfs_from(uint32_t number);

/* A new, empty file. => 0, or -ENOSPC. The name has the only reference. */
int32_t tmpfs_create(const char *name, uint32_t length, uint32_t permissions, struct inode **out) MUST_CHECK;

/* Gives it another name, which takes that name from whoever had it. => 0, or -ENOSPC */
int32_t tmpfs_rename(struct inode *i, const char *name, uint32_t length) MUST_CHECK;

/* Takes the name away. */
void tmpfs_unlink(struct inode *i);

/* => NULL when memory is short. */
struct open_file *tmpfs_open(struct inode *i, uint32_t flags) MUST_CHECK;

/* The inode of an open file. => NULL if it is not in /tmp */
struct inode *tmpfs_inode(const struct open_file *f);

/* May sleep; i must not go meanwhile. => 0, -EFBIG, or -ENOSPC */
int32_t tmpfs_truncate(struct inode *i, uint64_t length) MUST_CHECK;

void tmpfs_stat(const struct inode *i, struct file_stat *st);

void tmpfs_ref(struct inode *i);
void tmpfs_unref(struct inode *i);

#endif
