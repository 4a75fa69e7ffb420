/* SPDX-License-Identifier: MIT
 * /tmp: a list of names, each with its inode. */
#include "kernel/tmpfs.h"
#include "drivers/clock.h"
#include "kernel/proc.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "mm/space.h"

static struct list_node names = {&names, &names};
static uint32_t next_number = TMP_FIRST;

struct inode *tmpfs_find(const char *name, uint32_t length)
{
    list_for_each (n, &names) {
        struct inode *i = container_of(n, struct inode, link);
        if (strncmp(i->name, name, length) == 0 && i->name[length] == '\0')
            return i;
    }
    return NULL;
}

struct inode *tmpfs_from(uint32_t number)
{
    list_for_each (n, &names) {
        struct inode *i = container_of(n, struct inode, link);
        if (i->number >= number)
            return i;
    }
    return NULL;
}

static char *copy_of(const char *name, uint32_t length)
{
    char *copy = kmalloc(length + 1);
    if (copy != NULL) {
        memcpy(copy, name, length);
        copy[length] = '\0';
    }
    return copy;
}

int32_t tmpfs_create(const char *name, uint32_t length, uint32_t permissions, struct inode **out)
{
    struct inode *i = kzalloc(sizeof *i);
    if (i == NULL)
        return -ENOSPC;
    i->name = copy_of(name, length);
    i->object = i->name != NULL ? object_create("tmp", 0) : NULL;
    if (i->object == NULL) {
        kfree(i->name);
        kfree(i);
        return -ENOSPC;
    }
    i->refs = 1;
    i->number = next_number++;
    i->mode = S_IFREG | permissions;
    i->mtime = clock_nanos();
    list_push_back(&names, &i->link);
    *out = i;
    return 0;
}

void tmpfs_ref(struct inode *i)
{
    i->refs++;
}

void tmpfs_unref(struct inode *i)
{
    if (--i->refs > 0)
        return;
    object_unref(i->object);
    kfree(i->name);
    kfree(i);
}

void tmpfs_unlink(struct inode *i)
{
    list_remove(&i->link);
    tmpfs_unref(i);
}

int32_t tmpfs_rename(struct inode *i, const char *name, uint32_t length)
{
    struct inode *other = tmpfs_find(name, length);
    if (other == i)
        return 0;
    char *copy = copy_of(name, length);
    if (copy == NULL)
        return -ENOSPC;
    if (other != NULL)
        tmpfs_unlink(other);
    kfree(i->name);
    i->name = copy;
    return 0;
}

/* A full memory is to a file what a full disk is. */
static int32_t space_error(enum vm_result r)
{
    return r == VM_NO_MEMORY || r == VM_NO_SWAP ? -ENOSPC : error_of(r);
}

/* Writes n bytes that the kernel has, making the file longer if needed. => 0 or a negative errno */
static int32_t put(struct inode *i, uint32_t at, const char *from, uint32_t n)
{
    uint32_t before = object_length(i->object);
    enum vm_result r = VM_OK;
    if (before < at + n)
        r = object_resize(i->object, current->space->pool, at + n);
    if (r == VM_OK) {
        r = object_write(i->object, current->space->pool, at, from, n);
        if (r != VM_OK && before < at + n && object_resize(i->object, current->space->pool, before) != VM_OK)
            return -EIO;
    }
    return space_error(r);
}

static int32_t write_locked(struct inode *i, struct user_io *io, uint64_t *at)
{
    char chunk[IO_CHUNK];
    int32_t done = 0, err = 0;
    if (*at >= FILE_SIZE_MAX)
        return io->left > 0 ? -EFBIG : 0;
    io->left = MIN(io->left, FILE_SIZE_MAX - (uint32_t)*at);
    while (io->left > 0) {
        int32_t n = io_take(io, chunk, MIN(io->left, (uint32_t)sizeof chunk));
        err = n < 0 ? n : put(i, (uint32_t)*at, chunk, (uint32_t)n);
        if (err != 0)
            break;
        done += n;
        *at += (uint32_t)n;
    }
    if (done > 0)
        i->mtime = clock_nanos();
    return done > 0 ? done : err;
}

static int32_t tmp_write(struct open_file *f, struct user_io *io, uint64_t *at)
{
    struct inode *i = f->inode;
    lock_take(&i->write);
    if (f->flags & O_APPEND)
        *at = object_length(i->object);
    int32_t result = write_locked(i, io, at);
    lock_release(&i->write);
    return result;
}

int32_t tmpfs_truncate(struct inode *i, uint64_t length)
{
    if (length > FILE_SIZE_MAX)
        return -EFBIG;
    lock_take(&i->write);
    int32_t err = space_error(object_resize(i->object, current->space->pool, (uint32_t)length));
    if (err == 0)
        i->mtime = clock_nanos();
    lock_release(&i->write);
    return err;
}

static int32_t tmp_read(struct open_file *f, struct user_io *io, uint64_t *at)
{
    return file_read_object(f->inode->object, io, at);
}

static int32_t tmp_truncate(struct open_file *f, uint64_t length)
{
    return tmpfs_truncate(f->inode, length);
}

void tmpfs_stat(const struct inode *i, struct file_stat *st)
{
    *st = (struct file_stat){.device = DEVICE_TMP,
                             .number = i->number,
                             .mode = i->mode,
                             .links = list_linked(&i->link),
                             .size = object_length(i->object),
                             .mtime = i->mtime};
}

static void tmp_stat(const struct open_file *f, struct file_stat *st)
{
    tmpfs_stat(f->inode, st);
}

static struct object *tmp_object(const struct open_file *f)
{
    return f->inode->object;
}

static void tmp_close(struct open_file *f)
{
    tmpfs_unref(f->inode);
}

static const struct file_ops ops = {.read = tmp_read,
                                    .write = tmp_write,
                                    .truncate = tmp_truncate,
                                    .stat = tmp_stat,
                                    .object = tmp_object,
                                    .close = tmp_close,
                                    .seekable = true,
                                    .synced = true};

struct inode *tmpfs_inode(const struct open_file *f)
{
    return f->ops == &ops ? f->inode : NULL;
}

struct open_file *tmpfs_open(struct inode *i, uint32_t flags)
{
    struct open_file *f = file_new(&ops, flags);
    if (f != NULL) {
        f->inode = i;
        tmpfs_ref(i);
    }
    return f;
}
