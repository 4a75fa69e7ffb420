/* SPDX-License-Identifier: MIT
 * open(2): what it refuses, and the open files that directories and files of the initrd become. */
#include "kernel/path.h"
#include "lib/errno.h"
#include "mm/space.h"

static void open_dir_stat(const struct open_file *f, struct file_stat *st)
{
    dir_stat(&f->dir, st);
}

static const struct file_ops dir_ops = {.stat = open_dir_stat, .seekable = true, .synced = true};

const struct dir *file_dir(const struct open_file *f)
{
    return f->ops == &dir_ops ? &f->dir : NULL;
}

static int32_t read_initrd(struct open_file *f, struct user_io *io, uint64_t *at)
{
    return file_read_object(f->initrd.object, io, at);
}

static void stat_initrd(const struct open_file *f, struct file_stat *st)
{
    initrd_stat(f->initrd.file, st);
}

static struct object *object_of_initrd(const struct open_file *f)
{
    return f->initrd.object;
}

static void close_initrd(struct open_file *f)
{
    object_unref(f->initrd.object);
}

static struct open_file *open_initrd(const struct file *file, uint32_t flags)
{
    static const struct file_ops ops = {.read = read_initrd,
                                        .stat = stat_initrd,
                                        .object = object_of_initrd,
                                        .close = close_initrd,
                                        .seekable = true,
                                        .synced = true};
    struct object *o = initrd_object(file);
    if (o == NULL)
        return NULL;
    struct open_file *f = file_new(&ops, flags);
    if (f == NULL) {
        object_unref(o);
        return NULL;
    }
    f->initrd.file = file;
    f->initrd.object = o;
    return f;
}

static struct open_file *open_place(const struct place *p, uint32_t flags)
{
    if (p->kind == PLACE_INITRD)
        return open_initrd(p->file, flags);
    if (p->kind == PLACE_TMP)
        return tmpfs_open(p->inode, flags);
    if (p->kind == PLACE_PROC)
        return procfs_open(p->proc, p->parent.pid, flags);
    struct open_file *f = file_new(&dir_ops, flags);
    if (f != NULL)
        f->dir = p->dir;
    return f;
}

/* What open refuses, in Linux's order. => 0 or a negative errno */
static int32_t may_open(const struct place *p, uint32_t flags)
{
    bool writes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC);
    if (flags & O_CREAT) {
        if (flags & O_DIRECTORY)
            return -EINVAL;
        if (p->length > 0 && p->slash)
            return -EISDIR;
        if (p->kind != PLACE_NONE && (flags & O_EXCL))
            return -EEXIST;
        if (p->kind == PLACE_DIR)
            return -EISDIR;
        if (p->kind == PLACE_NONE)
            return p->parent.tree == TREE_TMP ? 0 : p->parent.tree == TREE_PROC ? -ENOENT : -EROFS;
    }
    if (p->kind == PLACE_NONE)
        return -ENOENT;
    if (p->kind == PLACE_DIR)
        return writes ? -EISDIR : 0;
    if (p->slash || (flags & O_DIRECTORY))
        return -ENOTDIR;
    if (p->kind == PLACE_PROC && writes)
        return -EACCES;
    return p->kind == PLACE_INITRD && writes ? -EROFS : 0;
}

int32_t path_open(const struct dir *from, const char *path, uint32_t flags, uint32_t permissions,
                  struct open_file **out)
{
    enum { KEPT = O_ACCMODE | O_APPEND | O_NONBLOCK | O_DIRECT | O_LARGEFILE | O_DIRECTORY | O_NOATIME };
    struct place p;
    int32_t err = path_walk(from, path, &p);
    if (err == 0)
        err = may_open(&p, flags);
    if (err != 0)
        return err;
    bool fresh = p.kind == PLACE_NONE;
    if (fresh) {
        err = tmpfs_create(p.name, p.length, permissions, &p.inode);
        if (err != 0)
            return err;
        p.kind = PLACE_TMP;
    }
    struct open_file *f = open_place(&p, flags & KEPT);
    if (f == NULL) {
        if (fresh)
            tmpfs_unlink(p.inode);
        return -ENOMEM;
    }
    if ((flags & O_TRUNC) && !fresh && p.kind == PLACE_TMP)
        err = tmpfs_truncate(p.inode, 0);
    if (err != 0) {
        file_unref(f);
        return err;
    }
    *out = f;
    return 0;
}
