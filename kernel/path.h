/* SPDX-License-Identifier: MIT
 * The tree of names: /tmp, /proc, and around them the initrd, which is read-only. */
#ifndef KERNEL_PATH_H
#define KERNEL_PATH_H

#include "kernel/initrd.h"
#include "kernel/procfs.h"
#include "kernel/tmpfs.h"

enum { PATH_MAX = 4096 };

enum place_kind {
    PLACE_NONE,   /* no such name, but the directory that it would be in exists */
    PLACE_DIR,    /* a directory */
    PLACE_INITRD, /* a file of the initrd */
    PLACE_TMP,    /* a file in /tmp */
    PLACE_PROC,   /* a file in /proc or /proc/PID */
};

/* Where a path leads. Nothing in it is a reference: good until the next call that may sleep. */
struct place {
    enum place_kind kind;
    struct dir dir;               /* PLACE_DIR */
    const struct file *file;      /* PLACE_INITRD */
    struct inode *inode;          /* PLACE_TMP */
    const struct proc_file *proc; /* PLACE_PROC; of the process parent.pid */
    struct dir parent;
    const char *name; /* the last component, inside the path */
    uint32_t length;  /* of the name; 0 if the path is / or ends in . or .. */
    bool dots;        /* it ends in . or .. */
    bool slash;       /* a slash follows the name */
};

extern const struct dir path_root;

/* Does not sleep. => 0, -ENOENT (empty, or a directory on the way is missing), -ENOTDIR, -ENAMETOOLONG */
int32_t path_walk(const struct dir *from, const char *path, struct place *out) MUST_CHECK;

/* As open(2). May sleep. => 0 or a negative errno */
int32_t path_open(const struct dir *from, const char *path, uint32_t flags, uint32_t permissions,
                  struct open_file **out) MUST_CHECK;

void dir_stat(const struct dir *d, struct file_stat *st);
void initrd_stat(const struct file *f, struct file_stat *st);
/* => not PLACE_NONE. */
void place_stat(const struct place *p, struct file_stat *st);

struct dir_entry {
    uint32_t number; /* of the inode */
    uint32_t mode;   /* S_IFMT */
    const char *name;
    uint32_t length;
    char number_text[PID_TEXT]; /* the name of /proc/PID */
};

/* Its path from the root, without a last slash. => its length, as format */
int dir_path(const struct dir *d, char *text, size_t size);

/* The next entry; *cookie is 0 at first and is moved. => false at the end */
bool dir_next(const struct dir *d, uint64_t *cookie, struct dir_entry *out);

/* f's directory. => NULL if f is none */
const struct dir *file_dir(const struct open_file *f);

#endif
