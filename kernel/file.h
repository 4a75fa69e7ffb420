/* SPDX-License-Identifier: MIT
 * Open files, and the descriptors that a process has of them. An open file (an "open file description" in
 * POSIX) has the offset and the flags; dup and fork make more descriptors of the same one. */
#ifndef KERNEL_FILE_H
#define KERNEL_FILE_H

#include "kernel/usermem.h"
#include "lib/lock.h"

/* Linux i386's O_ flags. */
enum open_flag {
    O_RDONLY = 0,
    O_WRONLY = 1,
    O_RDWR = 2,
    O_ACCMODE = 3,
    O_CREAT = 0100,
    O_EXCL = 0200,
    O_TRUNC = 01000,
    O_APPEND = 02000,
    O_NONBLOCK = 04000,
    O_DIRECT = 040000,
    O_LARGEFILE = 0100000,
    O_DIRECTORY = 0200000,
    O_NOATIME = 01000000,
    O_CLOEXEC = 02000000,
};

enum file_mode {
    S_IFMT = 0170000,
    S_IFIFO = 0010000,
    S_IFCHR = 0020000,
    S_IFDIR = 0040000,
    S_IFREG = 0100000,
    S_PERMISSIONS = 07777,
};

enum {
    FILES_MAX = 64,            /* descriptors of a process */
    FILE_SIZE_MAX = INT32_MAX, /* bytes in a file, as without O_LARGEFILE on Linux */
};

/* What stat tells. */
struct file_stat {
    uint32_t device, number; /* number: of the inode */
    uint32_t mode, links, rdev;
    uint32_t size;  /* bytes */
    uint64_t mtime; /* nanoseconds since boot */
};

enum device {
    DEVICE_INITRD = 1,
    DEVICE_TMP,
    DEVICE_PIPE,
    DEVICE_DEV,
    DEVICE_PROC,
};

enum tree { TREE_INITRD, TREE_TMP, TREE_PROC };

/* A directory: /tmp, /proc, /proc/PID, or one that a file of the initrd is in. */
struct dir {
    enum tree tree;
    uint32_t pid;       /* of /proc/PID; else 0 */
    const char *prefix; /* its path without the first slash and with a last one: bin/. Of /proc/PID: proc/ */
    uint32_t length;    /* of the prefix; it does not end there. 0: the root */
};

struct open_file;
struct object;
struct proc_file;

/* What can be done with an open file. What is NULL cannot. All may sleep. */
struct file_ops {
    /* At *at, if the file is seekable; moves it. => bytes moved; a negative errno only if none were. */
    int32_t (*read)(struct open_file *f, struct user_io *io, uint64_t *at);
    int32_t (*write)(struct open_file *f, struct user_io *io, uint64_t *at);
    int32_t (*truncate)(struct open_file *f, uint64_t length); /* => 0 or a negative errno */
    void (*stat)(const struct open_file *f, struct file_stat *st);
    struct object *(*object)(const struct open_file *f); /* its pages, to be mapped; no reference is added */
    void (*close)(struct open_file *f);                  /* the last descriptor has gone */
    bool seekable;
    bool synced;  /* fsync makes sense */
    bool endless; /* what is in it is made when it is read: there is no end to seek to */
};

struct open_file {
    const struct file_ops *ops;
    uint32_t refs;
    uint32_t flags; /* O_ACCMODE and the status flags */
    struct lock at; /* protects the offset while a read or write sleeps */
    uint64_t offset;
    union { /* by ops */
        struct pipe *pipe;
        struct inode *inode;
        struct dir dir;
        struct {
            const struct file *file;
            struct object *object;
        } initrd;
        struct {
            const struct proc_file *file;
            uint32_t pid;          /* of the process that it is about; 0: about the machine */
            char *text;            /* what was printed when it was last read from its start; NULL: never */
            uint32_t length, room; /* of the text; bytes */
        } proc;
    };
};

/* A process's descriptors, and what else it has to do with files. */
struct files {
    struct open_file *open[FILES_MAX];
    bool cloexec[FILES_MAX];
    struct dir cwd;
    uint32_t umask;
};

/* => one reference, everything else 0; NULL when memory is short. */
struct open_file *file_new(const struct file_ops *ops, uint32_t flags) MUST_CHECK;
void file_ref(struct open_file *f);
void file_unref(struct open_file *f); /* the last one closes it */

static inline bool file_readable(const struct open_file *f)
{
    return (f->flags & O_ACCMODE) == O_RDONLY || (f->flags & O_ACCMODE) == O_RDWR;
}

static inline bool file_writable(const struct open_file *f)
{
    return (f->flags & O_ACCMODE) == O_WRONLY || (f->flags & O_ACCMODE) == O_RDWR;
}

/* read() of a file whose bytes are an object's. May evict and sleep. => as ops->read */
int32_t file_read_object(struct object *o, struct user_io *io, uint64_t *at);

/* The console as descriptors 0, 1 and 2, in the root directory. => NULL when memory is short. */
struct files *files_new(void) MUST_CHECK;

/* A child's copy: the same open files. => NULL when memory is short. */
struct files *files_fork(const struct files *from) MUST_CHECK;

/* Closes what is marked close-on-exec. */
void files_exec(struct files *fs);

/* Closes everything, frees fs. */
void files_exit(struct files *fs);

/* => the open file, or NULL: -EBADF. No reference is added: only the process itself can close it. */
struct open_file *files_get(const struct files *fs, uint32_t fd);

/* Gives f the lowest free descriptor from `from` on; the caller's reference becomes the descriptor's.
 * => the descriptor, or -EMFILE: then the reference is still the caller's. */
int32_t files_install(struct files *fs, struct open_file *f, uint32_t from, bool cloexec) MUST_CHECK;

/* => 0 or -EBADF. */
int32_t files_close(struct files *fs, uint32_t fd);

#endif
